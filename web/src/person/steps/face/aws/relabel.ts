// Translates what AWS's component has in English only: the progress bar of the face's fit, and the label of the list of cameras.
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

/** Sets an attribute unless it has the value already: setting it again would trigger the observer again. */
function setAttributeOnce(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
