import type { AwsTexts } from './texts';

export const en: AwsTexts = {
  display: {
    a11yVideoLabelText: 'What your camera sees',
    cameraMinSpecificationsHeadingText: 'This camera is too slow',
    cameraMinSpecificationsMessageText: 'It has to show at least 15 pictures a second, 320 by 240 pixels each.',
    cameraNotFoundHeadingText: 'We cannot use your camera',
    cameraNotFoundMessageText: 'Allow this page to use the camera, and close other programs that are using it.',
    cancelLivenessCheckText: 'Stop the check',
    hintCanNotIdentifyText: 'Bring your face in front of the camera',
    hintCenterFaceInstructionText:
      'Hold the camera at eye level and look straight into it. After the start an oval appears: come closer until your face fills it, then hold still for a few seconds. You will hear when the check is complete.',
    hintCenterFaceText: 'Bring your face into the middle',
    hintCheckCompleteText: 'Check complete',
    hintConnectingText: 'Connecting …',
    hintFaceDetectedText: 'We see your face',
    hintFaceOffCenterText: 'Your face is not in the oval. Bring it into the middle.',
    hintHoldFaceForFreshnessText: 'Hold still',
    hintIlluminationNormalText: 'The light is good',
    hintIlluminationTooBrightText: 'Go where it is darker',
    hintIlluminationTooDarkText: 'Go where it is brighter',
    hintMatchIndicatorText: 'Halfway there. Come closer still.',
    hintMoveFaceFrontOfCameraText: 'Bring your face in front of the camera',
    hintTooCloseText: 'Move back a little',
    hintTooFarText: 'Come closer',
    hintTooManyFacesText: 'Only one face may be in the picture',
    hintVerifyingText: 'Checking …',
    photosensitivityWarningBodyText: 'The screen flashes in different colours for about four seconds.',
    photosensitivityWarningHeadingText: 'Flashing colours',
    photosensitivityWarningInfoText:
      'If you or somebody in your family has epilepsy, or if flashing light is bad for you, take the way without it.',
    photosensitivityWarningLabelText: 'More about flashing colours',
    recordingIndicatorText: 'Rec',
    retryCameraPermissionsText: 'Try again',
    startScreenBeginCheckText: 'Start the check',
    tryAgainText: 'Try again',
    waitingCameraPermissionText: 'Please allow this page to use your camera.',
  },
  camera: 'Camera',
  fit: 'How well your face fills the oval',
  loading: 'Loading the check …',
  withoutFlashing: 'Go on without flashing',
  trouble: {
    timeout: {
      title: 'That took too long',
      advice: 'Your face did not fill the oval in time. Come closer until it does, and hold still.',
    },
    camera: {
      title: 'We cannot use your camera',
      advice: 'Allow this page to use the camera, and close other programs that are using it.',
    },
    framerate: {
      title: 'This camera is too slow',
      advice: 'It shows fewer than 15 pictures a second. More light often helps; or go on with another device.',
    },
    distance: {
      title: 'You came closer too early',
      advice: 'Keep your distance until the oval appears.',
    },
    several_faces: {
      title: 'There was more than one face',
      advice: 'Make sure that only you are in the picture.',
    },
    landscape: {
      title: 'Please hold your phone upright',
      advice: 'The check works only while the phone stands upright, from beginning to end.',
    },
    server: {
      title: 'The check could not be finished',
      advice: 'This is not your fault. Wait a moment, then try again.',
    },
    connection: {
      title: 'The connection was lost',
      advice: 'Check your network, or go closer to your router, then try again.',
    },
  },
};
