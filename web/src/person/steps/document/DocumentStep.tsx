// The document: which one, its pictures, and whether they can be read.
import { Capture } from './Capture';
import { Choose } from './Choose';
import { Reading } from './ReadingView';
import './document.css';

export default function DocumentStep({ screen }: { screen: 'document' | 'front' | 'back' | 'reading' }) {
  switch (screen) {
    case 'document':
      return <Choose />;
    case 'front':
    case 'back':
      return <Capture key={screen} side={screen} />;
    case 'reading':
      return <Reading />;
  }
}
