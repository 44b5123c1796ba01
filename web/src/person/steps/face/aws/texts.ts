// The words of AWS's face step. They are in its own chunk: who is checked by the local engines never loads them.
import type { Language } from '../../../../shared/i18n/language';
import type { AwsTrouble } from './props';
import { de } from './texts.de';
import { en } from './texts.en';
import { es } from './texts.es';
import { fr } from './texts.fr';

export interface AwsTexts {
  /** By the names of `displayText` in @aws-amplify/ui-react-liveness. All that can be seen or heard is here. */
  display: Record<DisplayText, string>;
  camera: string;
  fit: string;
  loading: string;
  withoutFlashing: string;
  trouble: Record<AwsTrouble, { title: string; advice: string }>;
}

export type DisplayText =
  | 'a11yVideoLabelText'
  | 'cameraMinSpecificationsHeadingText'
  | 'cameraMinSpecificationsMessageText'
  | 'cameraNotFoundHeadingText'
  | 'cameraNotFoundMessageText'
  | 'cancelLivenessCheckText'
  | 'hintCanNotIdentifyText'
  | 'hintCenterFaceInstructionText'
  | 'hintCenterFaceText'
  | 'hintCheckCompleteText'
  | 'hintConnectingText'
  | 'hintFaceDetectedText'
  | 'hintFaceOffCenterText'
  | 'hintHoldFaceForFreshnessText'
  | 'hintIlluminationNormalText'
  | 'hintIlluminationTooBrightText'
  | 'hintIlluminationTooDarkText'
  | 'hintMatchIndicatorText'
  | 'hintMoveFaceFrontOfCameraText'
  | 'hintTooCloseText'
  | 'hintTooFarText'
  | 'hintTooManyFacesText'
  | 'hintVerifyingText'
  | 'photosensitivityWarningBodyText'
  | 'photosensitivityWarningHeadingText'
  | 'photosensitivityWarningInfoText'
  | 'photosensitivityWarningLabelText'
  | 'recordingIndicatorText'
  | 'retryCameraPermissionsText'
  | 'startScreenBeginCheckText'
  | 'tryAgainText'
  | 'waitingCameraPermissionText';

export const texts: Record<Language, AwsTexts> = { en, es, fr, de };
