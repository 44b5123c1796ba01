// Reading hints aloud: for a head that is turned away from the screen. Only with voices of the device: others would send the text away.

const LONGEST = 4_000;

function voiceFor(language: string): SpeechSynthesisVoice | null {
  if (!('speechSynthesis' in window)) return null;
  return speechSynthesis.getVoices().find((voice) => voice.localService && voice.lang.toLowerCase().startsWith(language)) ?? null;
}

export const canSpeak = (language: string): boolean => voiceFor(language) !== null;

export function say(text: string, language: string): void {
  const voice = voiceFor(language);
  if (!voice || text.length > LONGEST) return;
  speechSynthesis.cancel();
  const words = new SpeechSynthesisUtterance(text);
  words.voice = voice;
  words.lang = voice.lang;
  speechSynthesis.speak(words);
}
