//! Our own texts of e-mails to the staff: subject and body, in English, German, Spanish and French.

/// Subject and body in each language.
pub(super) type Texts = [(&'static str, &'static str); 4];

pub(super) const INVITATION: Texts = [
    (
        "Your account at {platform}",
        "Hello {name},\n\nyou are invited to the console of {platform}. Open this link within {hours} hours and choose a password:\n\n{link}\n\nThe link works once. If you did not expect this message, ignore it.\n",
    ),
    (
        "Ihr Konto bei {platform}",
        "Guten Tag {name},\n\nSie sind zur Konsole von {platform} eingeladen. Öffnen Sie diesen Link innerhalb von {hours} Stunden und wählen Sie ein Passwort:\n\n{link}\n\nDer Link gilt einmal. Wenn Sie diese Nachricht nicht erwartet haben, ignorieren Sie sie.\n",
    ),
    (
        "Su cuenta en {platform}",
        "Hola {name}:\n\nHa recibido una invitación a la consola de {platform}. Abra este enlace en las próximas {hours} horas y elija una contraseña:\n\n{link}\n\nEl enlace sirve una sola vez. Si no esperaba este mensaje, ignórelo.\n",
    ),
    (
        "Votre compte sur {platform}",
        "Bonjour {name},\n\nvous êtes invité à la console de {platform}. Ouvrez ce lien dans les {hours} heures et choisissez un mot de passe :\n\n{link}\n\nLe lien ne sert qu'une fois. Si vous n'attendiez pas ce message, ignorez-le.\n",
    ),
];

pub(super) const ENDPOINT_FAILING: Texts = [
    (
        "A webhook endpoint fails",
        "Deliveries to the webhook endpoint {endpoint} of {platform} fail. Its deliveries show the cause:\n\n{link}\n\nIf this goes on, the endpoint is disabled. No event is lost before that.\n",
    ),
    (
        "Ein Webhook-Endpunkt antwortet nicht",
        "Zustellungen an den Webhook-Endpunkt {endpoint} von {platform} schlagen fehl. Seine Zustellungen zeigen die Ursache:\n\n{link}\n\nHält das an, wird der Endpunkt abgeschaltet. Bis dahin geht kein Ereignis verloren.\n",
    ),
    (
        "Un punto de webhook falla",
        "Fallan las entregas al punto de webhook {endpoint} de {platform}. Sus entregas muestran la causa:\n\n{link}\n\nSi continúa, el punto se desactiva. Hasta entonces no se pierde ningún evento.\n",
    ),
    (
        "Un point de webhook échoue",
        "Les envois au point de webhook {endpoint} de {platform} échouent. Ses envois en montrent la cause :\n\n{link}\n\nSi cela continue, le point est désactivé. D'ici là, aucun événement n'est perdu.\n",
    ),
];

pub(super) const ENDPOINT_DISABLED: Texts = [
    (
        "A webhook endpoint is disabled",
        "The webhook endpoint {endpoint} of {platform} gets no more events. Enable it when its receiver is well:\n\n{link}\n",
    ),
    (
        "Ein Webhook-Endpunkt ist abgeschaltet",
        "Der Webhook-Endpunkt {endpoint} von {platform} bekommt keine Ereignisse mehr. Schalten Sie ihn ein, wenn sein Empfänger wieder arbeitet:\n\n{link}\n",
    ),
    (
        "Un punto de webhook está desactivado",
        "El punto de webhook {endpoint} de {platform} ya no recibe eventos. Actívelo cuando su receptor funcione:\n\n{link}\n",
    ),
    (
        "Un point de webhook est désactivé",
        "Le point de webhook {endpoint} de {platform} ne reçoit plus d'événements. Réactivez-le quand son récepteur fonctionne :\n\n{link}\n",
    ),
];

pub(super) const REVIEWS_OVERDUE: Texts = [
    (
        "Reviews are overdue",
        "Overdue reviews at {platform} that you may decide: {count}\n\n{link}\n\nYou get this message at most once an hour, and can switch it off in your account.\n",
    ),
    (
        "Prüfungen sind überfällig",
        "Überfällige Prüfungen bei {platform}, die Sie entscheiden dürfen: {count}\n\n{link}\n\nDiese Nachricht kommt höchstens einmal in der Stunde. In Ihrem Konto können Sie sie abschalten.\n",
    ),
    (
        "Hay revisiones con retraso",
        "Revisiones fuera de plazo en {platform} que usted puede decidir: {count}\n\n{link}\n\nRecibirá este mensaje como máximo una vez por hora y puede desactivarlo en su cuenta.\n",
    ),
    (
        "Des revues sont en retard",
        "Revues en retard chez {platform} que vous pouvez décider : {count}\n\n{link}\n\nVous recevez ce message au plus une fois par heure et pouvez le désactiver dans votre compte.\n",
    ),
];
