//! Every reason with its texts.

use super::{InternalTexts, PersonTexts, Reason, ReasonClass, Retry};

/// The text of every private reason.
const NEUTRAL: PersonTexts = PersonTexts {
    en: "We could not verify you.",
    de: "Wir konnten Sie nicht verifizieren.",
    es: "No pudimos verificarle.",
    fr: "Nous n’avons pas pu vous vérifier.",
};

/// Every reason, in the order of the documentation.
pub const REASONS: [Reason; 25] = [
    public(
        "dark_photo",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "The photo is too dark.",
            "Das Foto ist zu dunkel.",
            "La foto está demasiado oscura.",
            "La photo est trop sombre.",
        ],
        "The picture is too dark to be read.",
    ),
    public(
        "glare_on_photo",
        ReasonClass::Retry,
        Retry::Yes,
        ["The photo has glare.", "Das Foto spiegelt.", "La foto tiene reflejos.", "La photo présente des reflets."],
        "Glare hides part of the picture.",
    ),
    public(
        "blurred_photo",
        ReasonClass::Retry,
        Retry::Yes,
        ["The photo is blurred.", "Das Foto ist unscharf.", "La foto está borrosa.", "La photo est floue."],
        "The picture is not sharp or not large enough to be read.",
    ),
    public(
        "covered_photo",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "Part of the document is hidden.",
            "Ein Teil des Dokuments ist verdeckt.",
            "Una parte del documento está tapada.",
            "Une partie du document est cachée.",
        ],
        "Something covers part of the document or of the face.",
    ),
    public(
        "cut_off_document",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "Part of the document is outside the picture.",
            "Ein Teil des Dokuments ist nicht im Bild.",
            "Una parte del documento queda fuera de la imagen.",
            "Une partie du document est hors de l’image.",
        ],
        "The document is not wholly in the picture.",
    ),
    public(
        "incorrect_side",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "We need the other side of the document.",
            "Wir brauchen die andere Seite des Dokuments.",
            "Necesitamos el otro lado del documento.",
            "Nous avons besoin de l’autre côté du document.",
        ],
        "The wrong side was photographed, or the sides are swapped.",
    ),
    public(
        "missing_back",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "We need the back of the document.",
            "Wir brauchen die Rückseite des Dokuments.",
            "Necesitamos el reverso del documento.",
            "Nous avons besoin du verso du document.",
        ],
        "The back of the document is missing.",
    ),
    public(
        "no_document_in_image",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "We could not see a document in the picture.",
            "Wir konnten auf dem Bild kein Dokument erkennen.",
            "No vimos ningún documento en la imagen.",
            "Nous n’avons vu aucun document sur l’image.",
        ],
        "The picture shows no document.",
    ),
    public(
        "two_documents",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "We need exactly one document in the picture.",
            "Wir brauchen genau ein Dokument im Bild.",
            "Necesitamos un solo documento en la imagen.",
            "Nous avons besoin d’un seul document sur l’image.",
        ],
        "The picture shows more than one document or person.",
    ),
    public(
        "damaged_document",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "The document is damaged. Please use another one.",
            "Das Dokument ist beschädigt. Bitte verwenden Sie ein anderes.",
            "El documento está dañado. Use otro, por favor.",
            "Le document est abîmé. Veuillez en utiliser un autre.",
        ],
        "The document is too damaged to be relied on.",
    ),
    public(
        "document_expired",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "The document has expired. Please use a valid one.",
            "Das Dokument ist abgelaufen. Bitte verwenden Sie ein gültiges.",
            "El documento ha caducado. Use uno vigente, por favor.",
            "Le document a expiré. Veuillez en utiliser un valide.",
        ],
        "The document has expired.",
    ),
    public(
        "document_type_not_supported",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "This kind of document is not accepted here.",
            "Diese Art von Dokument wird hier nicht angenommen.",
            "Este tipo de documento no se acepta aquí.",
            "Ce type de document n’est pas accepté ici.",
        ],
        "The kind of document is not accepted.",
    ),
    public(
        "country_not_supported",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "Documents of this country are not accepted here.",
            "Dokumente dieses Landes werden hier nicht angenommen.",
            "Los documentos de este país no se aceptan aquí.",
            "Les documents de ce pays ne sont pas acceptés ici.",
        ],
        "Documents of this country are not accepted, or the country was not recognised.",
    ),
    public(
        "data_mismatch",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "Your details differ from the document.",
            "Ihre Angaben weichen vom Dokument ab.",
            "Sus datos no coinciden con el documento.",
            "Vos informations diffèrent du document.",
        ],
        "What was typed differs from what was read.",
    ),
    public(
        "face_not_detected",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "We could not see your face.",
            "Wir konnten Ihr Gesicht nicht erkennen.",
            "No pudimos ver su rostro.",
            "Nous n’avons pas pu voir votre visage.",
        ],
        "A face that can be compared was not found.",
    ),
    public(
        "consent_declined",
        ReasonClass::Retry,
        Retry::Yes,
        [
            "You did not agree to the checks.",
            "Sie haben den Prüfungen nicht zugestimmt.",
            "No dio su consentimiento a las comprobaciones.",
            "Vous n’avez pas accepté les vérifications.",
        ],
        "The person did not agree to the checks.",
    ),
    public(
        "under_supported_age",
        ReasonClass::Suspect,
        Retry::No,
        [
            "You do not meet the minimum age.",
            "Sie erreichen das Mindestalter nicht.",
            "No alcanza la edad mínima.",
            "Vous n’avez pas l’âge minimum.",
        ],
        "The person is below the minimum age.",
    ),
    public(
        "photo_of_screen",
        ReasonClass::Caution,
        Retry::Once,
        [
            "Please use the original document.",
            "Bitte verwenden Sie das Originaldokument.",
            "Use el documento original, por favor.",
            "Veuillez utiliser le document original.",
        ],
        "The picture seems to be taken of a screen.",
    ),
    public(
        "screenshot",
        ReasonClass::Caution,
        Retry::Once,
        [
            "Please use the original document.",
            "Bitte verwenden Sie das Originaldokument.",
            "Use el documento original, por favor.",
            "Veuillez utiliser le document original.",
        ],
        "The picture is a screenshot.",
    ),
    public(
        "printed_copy",
        ReasonClass::Caution,
        Retry::Once,
        [
            "Please use the original document.",
            "Bitte verwenden Sie das Originaldokument.",
            "Use el documento original, por favor.",
            "Veuillez utiliser le document original.",
        ],
        "The picture shows a printed copy.",
    ),
    public(
        "face_mismatch",
        ReasonClass::Caution,
        Retry::Once,
        [
            "We could not confirm that the photo is you.",
            "Wir konnten nicht bestätigen, dass Sie auf dem Foto sind.",
            "No pudimos confirmar que la foto sea suya.",
            "Nous n’avons pas pu confirmer que la photo est la vôtre.",
        ],
        "The faces do not look like one person’s.",
    ),
    private("digital_tampering", "The picture was changed with a program."),
    private("liveness_replay", "Pictures of an earlier liveness check came again."),
    private("duplicate_person", "The person or the document is known under another user."),
    private("screening_hit", "The person is on a list, or may be."),
];

const fn public(
    code: &'static str,
    class: ReasonClass,
    retry: Retry,
    [en, de, es, fr]: [&'static str; 4],
    internal: &'static str,
) -> Reason {
    let person = PersonTexts { en, de, es, fr };
    Reason { code, class, retry, person, internal: InternalTexts { en: internal }, private: false }
}

const fn private(code: &'static str, internal: &'static str) -> Reason {
    let internal = InternalTexts { en: internal };
    Reason { code, class: ReasonClass::Suspect, retry: Retry::No, person: NEUTRAL, internal, private: true }
}
