// A modal dialog: keeps the focus inside, closes with Escape, and returns the focus (React Aria).
import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';

export interface DialogProps {
  isOpen: boolean;
  onClose: () => void;
  title: string;
  role?: 'dialog' | 'alertdialog';
  wide?: boolean;
  children: ReactNode;
}

export function Dialog({ isOpen, onClose, title, role = 'dialog', wide = false, children }: DialogProps) {
  return (
    <ModalOverlay className="overlay" isOpen={isOpen} onOpenChange={(next) => !next && onClose()}>
      <Modal className={wide ? 'modal wide' : 'modal'}>
        <AriaDialog className="dialog" role={role}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
