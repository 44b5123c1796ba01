import type { AwsTexts } from './texts';

export const es: AwsTexts = {
  display: {
    a11yVideoLabelText: 'Lo que ve tu cámara',
    cameraMinSpecificationsHeadingText: 'Esta cámara es demasiado lenta',
    cameraMinSpecificationsMessageText: 'Debe mostrar al menos 15 imágenes por segundo, de 320 por 240 píxeles cada una.',
    cameraNotFoundHeadingText: 'No podemos usar tu cámara',
    cameraNotFoundMessageText: 'Permite que esta página use la cámara y cierra otros programas que la estén usando.',
    cancelLivenessCheckText: 'Detener la comprobación',
    hintCanNotIdentifyText: 'Pon la cara delante de la cámara',
    hintCenterFaceInstructionText:
      'Sujeta la cámara a la altura de los ojos y mírala de frente. Después de empezar aparece un óvalo: acércate hasta que tu cara lo llene y quédate quieto unos segundos. Oirás cuándo ha terminado la comprobación.',
    hintCenterFaceText: 'Pon la cara en el centro',
    hintCheckCompleteText: 'Comprobación terminada',
    hintConnectingText: 'Conectando …',
    hintFaceDetectedText: 'Vemos tu cara',
    hintFaceOffCenterText: 'Tu cara no está en el óvalo. Ponla en el centro.',
    hintHoldFaceForFreshnessText: 'No te muevas',
    hintIlluminationNormalText: 'La luz es buena',
    hintIlluminationTooBrightText: 'Ve a un lugar con menos luz',
    hintIlluminationTooDarkText: 'Ve a un lugar con más luz',
    hintMatchIndicatorText: 'Vas por la mitad. Acércate un poco más.',
    hintMoveFaceFrontOfCameraText: 'Pon la cara delante de la cámara',
    hintTooCloseText: 'Aléjate un poco',
    hintTooFarText: 'Acércate',
    hintTooManyFacesText: 'Solo puede haber una cara en la imagen',
    hintVerifyingText: 'Comprobando …',
    photosensitivityWarningBodyText: 'La pantalla parpadea en varios colores durante unos cuatro segundos.',
    photosensitivityWarningHeadingText: 'Colores que parpadean',
    photosensitivityWarningInfoText:
      'Si tú o alguien de tu familia tiene epilepsia, o si la luz que parpadea te hace daño, elige la opción sin ella.',
    photosensitivityWarningLabelText: 'Más sobre los colores que parpadean',
    recordingIndicatorText: 'Grab.',
    retryCameraPermissionsText: 'Intentar de nuevo',
    startScreenBeginCheckText: 'Empezar la comprobación',
    tryAgainText: 'Intentar de nuevo',
    waitingCameraPermissionText: 'Permite que esta página use tu cámara.',
  },
  camera: 'Cámara',
  fit: 'Cuánto llena tu cara el óvalo',
  loading: 'Cargando la comprobación …',
  withoutFlashing: 'Seguir sin parpadeos',
  trouble: {
    timeout: {
      title: 'Ha tardado demasiado',
      advice: 'Tu cara no llenó el óvalo a tiempo. Acércate hasta que lo llene y quédate quieto.',
    },
    camera: {
      title: 'No podemos usar tu cámara',
      advice: 'Permite que esta página use la cámara y cierra otros programas que la estén usando.',
    },
    framerate: {
      title: 'Esta cámara es demasiado lenta',
      advice: 'Muestra menos de 15 imágenes por segundo. Más luz suele ayudar; o sigue con otro dispositivo.',
    },
    distance: {
      title: 'Te acercaste demasiado pronto',
      advice: 'Mantén la distancia hasta que aparezca el óvalo.',
    },
    several_faces: {
      title: 'Había más de una cara',
      advice: 'Asegúrate de que solo se te vea a ti.',
    },
    landscape: {
      title: 'Sujeta el teléfono en vertical',
      advice: 'La comprobación solo funciona con el teléfono en vertical, de principio a fin.',
    },
    server: {
      title: 'No se pudo terminar la comprobación',
      advice: 'No es culpa tuya. Espera un momento e inténtalo de nuevo.',
    },
    connection: {
      title: 'Se perdió la conexión',
      advice: 'Revisa tu red o acércate al router, e inténtalo de nuevo.',
    },
  },
};
