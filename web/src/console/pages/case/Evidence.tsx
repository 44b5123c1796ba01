// The evidence: pictures of the document and person in the viewer, or the faces beside each other.
import { useState } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import type { ReviewCase } from '../../api/models';
import { useConsole } from '../../app/context';
import { translateWord } from '../../i18n';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { FaceCompare } from './FaceCompare';
import { useCaseImages } from './useCaseImages';
import { Viewer } from './Viewer';
import { findFaces } from './caseImages';

export function Evidence({ review }: { review: ReviewCase }) {
  const ui = useConsole();
  const { t } = ui;
  const loaded = useCaseImages(review.images);
  const [tab, setTab] = useState('pictures');
  const [chosen, setChosen] = useState(0);
  const image = review.images[chosen] ?? review.images[0];
  const label = (name: string): string => translateWord(ui, 'image', name);
  useShortcuts({
    image: (index) => {
      if (index >= review.images.length) return;
      setTab('pictures');
      setChosen(index);
    },
    ...(tab !== 'faces' && { faces: () => setTab('faces') }),
  });
  if (!image) return <p className="empty">{t(review.may.includes('claim') ? 'case.claim_for_images' : 'case.no_images')}</p>;
  return (
    <Tabs selectedKey={tab} onSelectionChange={(key) => setTab(String(key))} className="stack">
      <TabList className="tabs" aria-label={t('case.evidence')}>
        <Tab id="pictures" className="tab">
          {t('case.pictures')}
        </Tab>
        <Tab id="faces" className="tab">
          {t('case.faces')}
        </Tab>
      </TabList>
      <TabPanel id="pictures" className="stack">
        <ul className="strip">
          {review.images.map((each, index) => (
            <li key={each.name}>
              <button type="button" aria-pressed={each === image} aria-keyshortcuts={index < 9 ? String(index + 1) : undefined} onClick={() => setChosen(index)}>
                {loaded[each.name]?.url ? <img src={loaded[each.name]?.url ?? ''} alt="" /> : <span className="thumb" />}
                <span>
                  {index < 9 && <kbd aria-hidden="true">{index + 1}</kbd>} {label(each.name)}
                </span>
              </button>
            </li>
          ))}
        </ul>
        <Viewer key={image.name} image={image} label={label(image.name)} loaded={loaded[image.name]} />
      </TabPanel>
      <TabPanel id="faces">
        <FaceCompare faces={findFaces(review.images)} loaded={loaded} checks={review.checks ?? []} label={label} />
      </TabPanel>
    </Tabs>
  );
}
