// Reads hints aloud, for a head that is turned away from the screen. Uses only the device's own voices: others send the text elsewhere.

const MAX_SPOKEN_LENGTH = 4_000;

function findLocalVoice(language: string): SpeechSynthesisVoice | null {
  if (!('speechSynthesis' in window)) return null;
  return speechSynthesis.getVoices().find((voice) => voice.localService && voice.lang.toLowerCase().startsWith(language)) ?? null;
}

export const canSpeak = (language: string): boolean => findLocalVoice(language) !== null;

export function speakText(text: string, language: string): void {
  const voice = findLocalVoice(language);
  if (!voice || text.length > MAX_SPOKEN_LENGTH) return;
  speechSynthesis.cancel();
  const words = new SpeechSynthesisUtterance(text);
  words.voice = voice;
  words.lang = voice.lang;
  speechSynthesis.speak(words);
}
