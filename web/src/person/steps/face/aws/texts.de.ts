import type { AwsTexts } from './texts';

export const de: AwsTexts = {
  display: {
    a11yVideoLabelText: 'Was Ihre Kamera sieht',
    cameraMinSpecificationsHeadingText: 'Diese Kamera ist zu langsam',
    cameraMinSpecificationsMessageText: 'Sie muss mindestens 15 Bilder in der Sekunde zeigen, jedes 320 mal 240 Pixel groß.',
    cameraNotFoundHeadingText: 'Wir können Ihre Kamera nicht verwenden',
    cameraNotFoundMessageText: 'Erlauben Sie dieser Seite die Kamera, und schließen Sie andere Programme, die sie gerade verwenden.',
    cancelLivenessCheckText: 'Prüfung abbrechen',
    hintCanNotIdentifyText: 'Halten Sie Ihr Gesicht vor die Kamera',
    hintCenterFaceInstructionText:
      'Halten Sie die Kamera auf Augenhöhe und schauen Sie gerade hinein. Nach dem Start erscheint ein Oval: Kommen Sie näher, bis Ihr Gesicht es füllt, und halten Sie dann einige Sekunden still. Sie hören, wann die Prüfung fertig ist.',
    hintCenterFaceText: 'Bringen Sie Ihr Gesicht in die Mitte',
    hintCheckCompleteText: 'Prüfung fertig',
    hintConnectingText: 'Verbindung wird hergestellt …',
    hintFaceDetectedText: 'Wir sehen Ihr Gesicht',
    hintFaceOffCenterText: 'Ihr Gesicht ist nicht im Oval. Bringen Sie es in die Mitte.',
    hintHoldFaceForFreshnessText: 'Stillhalten',
    hintIlluminationNormalText: 'Das Licht ist gut',
    hintIlluminationTooBrightText: 'Gehen Sie dorthin, wo es dunkler ist',
    hintIlluminationTooDarkText: 'Gehen Sie dorthin, wo es heller ist',
    hintMatchIndicatorText: 'Die Hälfte ist geschafft. Kommen Sie noch näher.',
    hintMoveFaceFrontOfCameraText: 'Halten Sie Ihr Gesicht vor die Kamera',
    hintTooCloseText: 'Gehen Sie etwas zurück',
    hintTooFarText: 'Kommen Sie näher',
    hintTooManyFacesText: 'Es darf nur ein Gesicht im Bild sein',
    hintVerifyingText: 'Wird geprüft …',
    photosensitivityWarningBodyText: 'Der Bildschirm blinkt etwa vier Sekunden lang in verschiedenen Farben.',
    photosensitivityWarningHeadingText: 'Blinkende Farben',
    photosensitivityWarningInfoText:
      'Wenn Sie oder jemand in Ihrer Familie Epilepsie hat oder blinkendes Licht Ihnen schadet, nehmen Sie den Weg ohne Blinken.',
    photosensitivityWarningLabelText: 'Mehr über blinkende Farben',
    recordingIndicatorText: 'Aufn.',
    retryCameraPermissionsText: 'Noch einmal versuchen',
    startScreenBeginCheckText: 'Prüfung starten',
    tryAgainText: 'Noch einmal versuchen',
    waitingCameraPermissionText: 'Bitte erlauben Sie dieser Seite, Ihre Kamera zu verwenden.',
  },
  camera: 'Kamera',
  fit: 'Wie gut Ihr Gesicht das Oval füllt',
  loading: 'Die Prüfung wird geladen …',
  withoutFlashing: 'Ohne Blinken weiter',
  trouble: {
    timeout: {
      title: 'Das hat zu lange gedauert',
      advice: 'Ihr Gesicht hat das Oval nicht rechtzeitig gefüllt. Kommen Sie näher, bis es das tut, und halten Sie still.',
    },
    camera: {
      title: 'Wir können Ihre Kamera nicht verwenden',
      advice: 'Erlauben Sie dieser Seite die Kamera, und schließen Sie andere Programme, die sie gerade verwenden.',
    },
    framerate: {
      title: 'Diese Kamera ist zu langsam',
      advice: 'Sie zeigt weniger als 15 Bilder in der Sekunde. Mehr Licht hilft oft; oder machen Sie mit einem anderen Gerät weiter.',
    },
    distance: {
      title: 'Sie sind zu früh näher gekommen',
      advice: 'Bleiben Sie auf Abstand, bis das Oval erscheint.',
    },
    several_faces: {
      title: 'Es war mehr als ein Gesicht zu sehen',
      advice: 'Achten Sie darauf, dass nur Sie im Bild sind.',
    },
    landscape: {
      title: 'Bitte halten Sie Ihr Telefon hochkant',
      advice: 'Die Prüfung funktioniert nur, wenn das Telefon von Anfang bis Ende hochkant steht.',
    },
    server: {
      title: 'Die Prüfung konnte nicht beendet werden',
      advice: 'Das liegt nicht an Ihnen. Warten Sie einen Moment und versuchen Sie es noch einmal.',
    },
    connection: {
      title: 'Die Verbindung ist abgebrochen',
      advice: 'Prüfen Sie Ihr Netz oder gehen Sie näher an Ihren Router, und versuchen Sie es noch einmal.',
    },
  },
};
