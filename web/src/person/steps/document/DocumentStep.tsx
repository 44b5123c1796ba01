// The document: which one, its pictures, and whether they can be read.
import { CaptureSide } from './CaptureSide';
import { ChooseDocument } from './ChooseDocument';
import { ReadDocument } from './ReadDocument';
import './document.css';

export default function DocumentStep({ screen }: { screen: 'document' | 'front' | 'back' | 'reading' }) {
  switch (screen) {
    case 'document':
      return <ChooseDocument />;
    case 'front':
    case 'back':
      return <CaptureSide key={screen} side={screen} />;
    case 'reading':
      return <ReadDocument />;
  }
}
