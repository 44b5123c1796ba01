import type { AwsTexts } from './texts';

export const fr: AwsTexts = {
  display: {
    a11yVideoLabelText: 'Ce que voit votre caméra',
    cameraMinSpecificationsHeadingText: 'Cette caméra est trop lente',
    cameraMinSpecificationsMessageText: 'Elle doit montrer au moins 15 images par seconde, de 320 sur 240 pixels chacune.',
    cameraNotFoundHeadingText: 'Nous ne pouvons pas utiliser votre caméra',
    cameraNotFoundMessageText: 'Autorisez cette page à utiliser la caméra et fermez les autres programmes qui l’utilisent.',
    cancelLivenessCheckText: 'Arrêter le contrôle',
    hintCanNotIdentifyText: 'Placez votre visage devant la caméra',
    hintCenterFaceInstructionText:
      'Tenez la caméra à hauteur des yeux et regardez-la bien en face. Après le début, un ovale apparaît : approchez-vous jusqu’à ce que votre visage le remplisse, puis ne bougez plus pendant quelques secondes. Vous entendrez quand le contrôle est terminé.',
    hintCenterFaceText: 'Placez votre visage au centre',
    hintCheckCompleteText: 'Contrôle terminé',
    hintConnectingText: 'Connexion …',
    hintFaceDetectedText: 'Nous voyons votre visage',
    hintFaceOffCenterText: 'Votre visage n’est pas dans l’ovale. Placez-le au centre.',
    hintHoldFaceForFreshnessText: 'Ne bougez plus',
    hintIlluminationNormalText: 'La lumière est bonne',
    hintIlluminationTooBrightText: 'Allez dans un endroit moins clair',
    hintIlluminationTooDarkText: 'Allez dans un endroit plus clair',
    hintMatchIndicatorText: 'Vous êtes à mi-chemin. Approchez-vous encore.',
    hintMoveFaceFrontOfCameraText: 'Placez votre visage devant la caméra',
    hintTooCloseText: 'Reculez un peu',
    hintTooFarText: 'Approchez-vous',
    hintTooManyFacesText: 'Il ne doit y avoir qu’un seul visage à l’image',
    hintVerifyingText: 'Vérification …',
    photosensitivityWarningBodyText: 'L’écran clignote en plusieurs couleurs pendant environ quatre secondes.',
    photosensitivityWarningHeadingText: 'Couleurs clignotantes',
    photosensitivityWarningInfoText:
      'Si vous ou quelqu’un de votre famille souffrez d’épilepsie, ou si la lumière clignotante vous gêne, choisissez la voie sans clignotement.',
    photosensitivityWarningLabelText: 'En savoir plus sur les couleurs clignotantes',
    recordingIndicatorText: 'Enr.',
    retryCameraPermissionsText: 'Réessayer',
    startScreenBeginCheckText: 'Commencer le contrôle',
    tryAgainText: 'Réessayer',
    waitingCameraPermissionText: 'Autorisez cette page à utiliser votre caméra.',
  },
  camera: 'Caméra',
  fit: 'À quel point votre visage remplit l’ovale',
  loading: 'Chargement du contrôle …',
  withoutFlashing: 'Continuer sans clignotement',
  trouble: {
    timeout: {
      title: 'Cela a pris trop de temps',
      advice: 'Votre visage n’a pas rempli l’ovale à temps. Approchez-vous jusqu’à ce qu’il le remplisse, puis ne bougez plus.',
    },
    camera: {
      title: 'Nous ne pouvons pas utiliser votre caméra',
      advice: 'Autorisez cette page à utiliser la caméra et fermez les autres programmes qui l’utilisent.',
    },
    framerate: {
      title: 'Cette caméra est trop lente',
      advice: 'Elle montre moins de 15 images par seconde. Plus de lumière aide souvent ; ou continuez avec un autre appareil.',
    },
    distance: {
      title: 'Vous vous êtes approché trop tôt',
      advice: 'Gardez vos distances jusqu’à ce que l’ovale apparaisse.',
    },
    several_faces: {
      title: 'Il y avait plus d’un visage',
      advice: 'Veillez à être seul à l’image.',
    },
    landscape: {
      title: 'Tenez votre téléphone à la verticale',
      advice: 'Le contrôle ne fonctionne que si le téléphone reste à la verticale, du début à la fin.',
    },
    server: {
      title: 'Le contrôle n’a pas pu être terminé',
      advice: 'Ce n’est pas votre faute. Attendez un moment, puis réessayez.',
    },
    connection: {
      title: 'La connexion a été perdue',
      advice: 'Vérifiez votre réseau ou rapprochez-vous de votre box, puis réessayez.',
    },
  },
};
