// Says in the person's language what the component has in English alone, for screen readers too: how well the face fits, and the
// label of the list of cameras.
import { type RefObject, useEffect } from 'react';
import type { AwsTexts } from './texts';

export function useRelabel(root: RefObject<HTMLElement | null>, words: AwsTexts): void {
  useEffect(() => {
    const { current } = root;
    if (!current) return;
    const relabel = () => {
      for (const bar of current.querySelectorAll('[role=progressbar]')) {
        setAttributeOnce(bar, 'aria-label', words.fit);
        setAttributeOnce(bar, 'aria-valuetext', `${bar.getAttribute('aria-valuenow') ?? 0} %`);
      }
      for (const label of current.querySelectorAll('label[for=amplify-liveness-camera-select]')) {
        if (label.textContent !== words.camera) label.textContent = words.camera;
      }
    };
    const observer = new MutationObserver(relabel);
    observer.observe(current, { subtree: true, childList: true, attributeFilter: ['aria-valuetext'] });
    relabel();
    return () => observer.disconnect();
  }, [root, words]);
}

/** What is so already stays: to set it once more would be another change to look at. */
function setAttributeOnce(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
