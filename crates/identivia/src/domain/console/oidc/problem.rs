//! Why a sign-in with a provider did not work: the word for the audit trail, and what the person can do, in each language.

/// Why a sign-in did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// No provider of that name is configured.
    UnknownProvider,
    /// Too many sign-ins are under way, or have failed.
    TooMany,
    /// The provider does not answer, or not in time.
    ProviderDown,
    /// The provider refuses us, or answers what it must not.
    ProviderRefuses,
    /// The person has cancelled, or the provider denies them access.
    Cancelled,
    /// No sign-in of this browser is under way: it has been used, is too old, or was begun in another browser.
    NotBegun,
    /// The ID token is not accepted.
    BadAnswer,
    /// The ID token's times are not ours.
    Clock,
    /// No user is connected to this person at the provider.
    NoAccount,
    /// The provider gives no e-mail address that it has verified, and a new user needs one.
    NoEmail,
    /// A user of this address exists, and is not connected to the provider.
    EmailTaken,
    /// The user may not sign in.
    Disabled,
    /// The claim no longer gives a role.
    NoRole,
    /// The person at the provider is connected to another user.
    IdentityTaken,
    /// The invitation is used or too old.
    InvitationNotValid,
    /// The provider did not ask the person again.
    NotAskedAgain,
    /// Another person has signed in at the provider.
    OtherPerson,
    /// The session has ended meanwhile.
    SessionEnded,
    /// There are as many users as there may be.
    TooManyUsers,
    /// The records cannot be reached, or were changed at the same time.
    Unavailable,
}

/// The languages of the texts, in the order in which each problem has them.
pub const LANGUAGES: [&str; 4] = ["en", "de", "es", "fr"];

impl SignInProblem {
    /// Every problem.
    pub const ALL: [Self; 20] = [
        Self::UnknownProvider,
        Self::TooMany,
        Self::ProviderDown,
        Self::ProviderRefuses,
        Self::Cancelled,
        Self::NotBegun,
        Self::BadAnswer,
        Self::Clock,
        Self::NoAccount,
        Self::NoEmail,
        Self::EmailTaken,
        Self::Disabled,
        Self::NoRole,
        Self::IdentityTaken,
        Self::InvitationNotValid,
        Self::NotAskedAgain,
        Self::OtherPerson,
        Self::SessionEnded,
        Self::TooManyUsers,
        Self::Unavailable,
    ];

    /// Its word in the audit trail.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown provider",
            Self::TooMany => "too many sign-ins",
            Self::ProviderDown => "provider not reached",
            Self::ProviderRefuses => "refused by the provider",
            Self::Cancelled => "cancelled at the provider",
            Self::NotBegun => "no sign-in under way",
            Self::BadAnswer => "ID token not accepted",
            Self::Clock => "times of the ID token",
            Self::NoAccount => "no account",
            Self::NoEmail => "no verified e-mail address",
            Self::EmailTaken => "e-mail address of another account",
            Self::Disabled => "account disabled",
            Self::NoRole => "no role",
            Self::IdentityTaken => "connected to another account",
            Self::InvitationNotValid => "invitation not valid",
            Self::NotAskedAgain => "not asked again",
            Self::OtherPerson => "another person",
            Self::SessionEnded => "session ended",
            Self::TooManyUsers => "too many users",
            Self::Unavailable => "records not reached",
        }
    }

    /// Says whether it may be an attack: it counts towards the waits of the address.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::NotBegun | Self::BadAnswer | Self::Clock | Self::NotAskedAgain | Self::OtherPerson)
    }

    /// What the person can do, in English, German, Spanish and French.
    #[must_use]
    pub fn texts(self) -> [&'static str; 4] {
        let of_session = || list_session_texts(self).unwrap_or(UNAVAILABLE_TEXTS);
        list_provider_texts(self).or_else(|| list_account_texts(self)).unwrap_or_else(of_session)
    }
}

const UNAVAILABLE_TEXTS: [&str; 4] = [
    "The server cannot do this now. Try again in a minute.",
    "Der Server kann das jetzt nicht tun. Versuchen Sie es in einer Minute erneut.",
    "El servidor no puede hacerlo ahora. Inténtelo de nuevo en un minuto.",
    "Le serveur ne peut pas le faire maintenant. Réessayez dans une minute.",
];

/// The texts of problems with the provider and its answer.
fn list_provider_texts(problem: SignInProblem) -> Option<[&'static str; 4]> {
    Some(match problem {
        SignInProblem::UnknownProvider => [
            "This server does not know this sign-in service. Start again from the sign-in page.",
            "Dieser Server kennt diesen Anmeldedienst nicht. Beginnen Sie auf der Anmeldeseite neu.",
            "Este servidor no conoce este servicio de acceso. Empiece de nuevo en la página de acceso.",
            "Ce serveur ne connaît pas ce service de connexion. Recommencez depuis la page de connexion.",
        ],
        SignInProblem::TooMany => [
            "Too many sign-ins were begun or have failed from your network. Wait a few minutes, then try again.",
            "Aus Ihrem Netz wurden zu viele Anmeldungen begonnen oder sind gescheitert. Warten Sie einige Minuten und versuchen Sie es dann erneut.",
            "Desde su red se han iniciado o han fallado demasiados accesos. Espere unos minutos e inténtelo de nuevo.",
            "Trop de connexions ont été commencées ou ont échoué depuis votre réseau. Patientez quelques minutes, puis réessayez.",
        ],
        SignInProblem::ProviderDown => [
            "The sign-in service does not answer. Try again in a few minutes, or sign in with your password.",
            "Der Anmeldedienst antwortet nicht. Versuchen Sie es in einigen Minuten erneut oder melden Sie sich mit Ihrem Passwort an.",
            "El servicio de acceso no responde. Inténtelo de nuevo en unos minutos o acceda con su contraseña.",
            "Le service de connexion ne répond pas. Réessayez dans quelques minutes ou connectez-vous avec votre mot de passe.",
        ],
        SignInProblem::ProviderRefuses => [
            "The sign-in service has refused this server. Tell your administrator: the server's log says why.",
            "Der Anmeldedienst hat diesen Server abgewiesen. Sagen Sie es Ihrer Administration: Das Protokoll des Servers nennt den Grund.",
            "El servicio de acceso ha rechazado este servidor. Avise a su administrador: el registro del servidor indica el motivo.",
            "Le service de connexion a refusé ce serveur. Prévenez votre administrateur : le journal du serveur en donne la raison.",
        ],
        SignInProblem::Cancelled => [
            "The sign-in was cancelled, or the sign-in service does not let you in. Try again, or ask your administrator for access.",
            "Die Anmeldung wurde abgebrochen, oder der Anmeldedienst lässt Sie nicht zu. Versuchen Sie es erneut oder bitten Sie Ihre Administration um Zugang.",
            "El acceso se ha cancelado o el servicio de acceso no le permite entrar. Inténtelo de nuevo o pida acceso a su administrador.",
            "La connexion a été annulée, ou le service de connexion ne vous laisse pas entrer. Réessayez ou demandez l'accès à votre administrateur.",
        ],
        SignInProblem::NotBegun => [
            "This sign-in has ended, or was begun in another browser or window. Start again from the sign-in page.",
            "Diese Anmeldung ist beendet oder wurde in einem anderen Browser oder Fenster begonnen. Beginnen Sie auf der Anmeldeseite neu.",
            "Este acceso ha terminado o se inició en otro navegador o ventana. Empiece de nuevo en la página de acceso.",
            "Cette connexion est terminée, ou a été commencée dans un autre navigateur ou une autre fenêtre. Recommencez depuis la page de connexion.",
        ],
        SignInProblem::BadAnswer => [
            "The answer of the sign-in service could not be accepted. Try again. If it happens again, tell your administrator: the server's log says why.",
            "Die Antwort des Anmeldedienstes konnte nicht angenommen werden. Versuchen Sie es erneut. Geschieht es wieder, sagen Sie es Ihrer Administration: Das Protokoll des Servers nennt den Grund.",
            "No se ha podido aceptar la respuesta del servicio de acceso. Inténtelo de nuevo. Si vuelve a ocurrir, avise a su administrador: el registro del servidor indica el motivo.",
            "La réponse du service de connexion n'a pas pu être acceptée. Réessayez. Si cela se reproduit, prévenez votre administrateur : le journal du serveur en donne la raison.",
        ],
        SignInProblem::Clock => [
            "The clocks of this server and of the sign-in service differ. Try again. If it happens again, tell your administrator to set the server's clock.",
            "Die Uhren dieses Servers und des Anmeldedienstes gehen verschieden. Versuchen Sie es erneut. Geschieht es wieder, bitten Sie Ihre Administration, die Uhr des Servers zu stellen.",
            "Los relojes de este servidor y del servicio de acceso difieren. Inténtelo de nuevo. Si vuelve a ocurrir, pida a su administrador que ajuste el reloj del servidor.",
            "Les horloges de ce serveur et du service de connexion diffèrent. Réessayez. Si cela se reproduit, demandez à votre administrateur de régler l'horloge du serveur.",
        ],
        _ => return None,
    })
}

/// The texts of problems with the account.
fn list_account_texts(problem: SignInProblem) -> Option<[&'static str; 4]> {
    Some(match problem {
        SignInProblem::NoAccount => [
            "No account here is connected to this sign-in. If you were invited, open the link of your invitation and choose the service there. If you have an account, sign in with your password and connect the service on your account page. Otherwise ask an administrator for an invitation.",
            "Kein Konto hier ist mit dieser Anmeldung verbunden. Wenn Sie eingeladen wurden, öffnen Sie den Link Ihrer Einladung und wählen Sie dort den Dienst. Wenn Sie ein Konto haben, melden Sie sich mit Ihrem Passwort an und verbinden Sie den Dienst auf Ihrer Kontoseite. Andernfalls bitten Sie eine Administratorin oder einen Administrator um eine Einladung.",
            "Ninguna cuenta está conectada con este acceso. Si le han invitado, abra el enlace de su invitación y elija allí el servicio. Si ya tiene una cuenta, acceda con su contraseña y conecte el servicio en la página de su cuenta. Si no, pida una invitación a un administrador.",
            "Aucun compte n'est relié à cette connexion. Si vous avez été invité, ouvrez le lien de votre invitation et choisissez-y le service. Si vous avez un compte, connectez-vous avec votre mot de passe et reliez le service sur la page de votre compte. Sinon, demandez une invitation à un administrateur.",
        ],
        SignInProblem::NoEmail => [
            "The sign-in service gives no verified e-mail address of yours, and a new account needs one. Tell your administrator to add the claim email, or ask for an invitation.",
            "Der Anmeldedienst nennt keine bestätigte E-Mail-Adresse von Ihnen, und ein neues Konto braucht eine. Bitten Sie Ihre Administration, den Claim email hinzuzufügen, oder bitten Sie um eine Einladung.",
            "El servicio de acceso no da una dirección de correo verificada, y una cuenta nueva la necesita. Pida a su administrador que añada el claim email, o pida una invitación.",
            "Le service de connexion ne donne pas d'adresse e-mail vérifiée, et un nouveau compte en a besoin. Demandez à votre administrateur d'ajouter le claim email, ou demandez une invitation.",
        ],
        SignInProblem::EmailTaken => [
            "An account with your e-mail address exists already. Sign in with its password, and connect the sign-in service on your account page.",
            "Ein Konto mit Ihrer E-Mail-Adresse gibt es schon. Melden Sie sich mit seinem Passwort an und verbinden Sie den Anmeldedienst auf Ihrer Kontoseite.",
            "Ya existe una cuenta con su dirección de correo. Acceda con su contraseña y conecte el servicio de acceso en la página de su cuenta.",
            "Un compte avec votre adresse e-mail existe déjà. Connectez-vous avec son mot de passe et reliez le service de connexion sur la page de votre compte.",
        ],
        SignInProblem::Disabled => [
            "Your account here is disabled. Ask an administrator to enable it.",
            "Ihr Konto hier ist gesperrt. Bitten Sie Ihre Administration, es freizugeben.",
            "Su cuenta está desactivada. Pida a un administrador que la active.",
            "Votre compte est désactivé. Demandez à un administrateur de l'activer.",
        ],
        SignInProblem::NoRole => [
            "Your groups at the sign-in service give you no role here any more. Ask your administrator for access.",
            "Ihre Gruppen beim Anmeldedienst geben Ihnen hier keine Rolle mehr. Bitten Sie Ihre Administration um Zugang.",
            "Sus grupos en el servicio de acceso ya no le dan ningún papel aquí. Pida acceso a su administrador.",
            "Vos groupes au service de connexion ne vous donnent plus de rôle ici. Demandez l'accès à votre administrateur.",
        ],
        SignInProblem::IdentityTaken => [
            "This sign-in is connected to another account, or your account is connected already. Sign in with the service itself, or disconnect it on the other account first.",
            "Diese Anmeldung ist mit einem anderen Konto verbunden, oder Ihr Konto ist bereits verbunden. Melden Sie sich direkt mit dem Dienst an oder trennen Sie ihn zuerst vom anderen Konto.",
            "Este acceso está conectado con otra cuenta, o su cuenta ya está conectada. Acceda directamente con el servicio o desconéctelo antes de la otra cuenta.",
            "Cette connexion est reliée à un autre compte, ou votre compte est déjà relié. Connectez-vous directement avec le service, ou détachez-le d'abord de l'autre compte.",
        ],
        SignInProblem::InvitationNotValid => [
            "The invitation is used or too old. Ask an administrator for another link.",
            "Die Einladung ist verbraucht oder zu alt. Bitten Sie Ihre Administration um einen neuen Link.",
            "La invitación se ha usado o ha caducado. Pida otro enlace a un administrador.",
            "L'invitation est utilisée ou trop ancienne. Demandez un autre lien à un administrateur.",
        ],
        SignInProblem::TooManyUsers => [
            "This server has as many users as it can have. Ask an administrator to delete users that are not needed.",
            "Dieser Server hat so viele Konten, wie er haben kann. Bitten Sie Ihre Administration, nicht benötigte Konten zu löschen.",
            "Este servidor tiene ya el máximo de usuarios. Pida a un administrador que elimine los que no se necesiten.",
            "Ce serveur a autant d'utilisateurs que possible. Demandez à un administrateur de supprimer ceux qui ne servent plus.",
        ],
        _ => return None,
    })
}

/// The texts of problems with a session.
fn list_session_texts(problem: SignInProblem) -> Option<[&'static str; 4]> {
    Some(match problem {
        SignInProblem::NotAskedAgain => [
            "The sign-in service did not ask who you are again, so nothing is confirmed. Sign out there, then try again.",
            "Der Anmeldedienst hat nicht erneut gefragt, wer Sie sind. Daher ist nichts bestätigt. Melden Sie sich dort ab und versuchen Sie es dann erneut.",
            "El servicio de acceso no le ha vuelto a pedir que se identifique, así que nada queda confirmado. Cierre allí la sesión e inténtelo de nuevo.",
            "Le service de connexion ne vous a pas redemandé qui vous êtes, donc rien n'est confirmé. Déconnectez-vous là-bas, puis réessayez.",
        ],
        SignInProblem::OtherPerson => [
            "Another person has signed in at the sign-in service. Sign in there as yourself, then try again.",
            "Beim Anmeldedienst hat sich eine andere Person angemeldet. Melden Sie sich dort selbst an und versuchen Sie es dann erneut.",
            "Otra persona ha accedido en el servicio de acceso. Acceda allí con su propia cuenta e inténtelo de nuevo.",
            "Une autre personne s'est connectée au service de connexion. Connectez-vous-y vous-même, puis réessayez.",
        ],
        SignInProblem::SessionEnded => [
            "Your session here has ended meanwhile. Sign in again, and repeat what you wanted to do.",
            "Ihre Sitzung hier ist inzwischen beendet. Melden Sie sich erneut an und wiederholen Sie, was Sie tun wollten.",
            "Mientras tanto, su sesión ha terminado. Acceda de nuevo y repita lo que quería hacer.",
            "Votre session a pris fin entre-temps. Reconnectez-vous et répétez ce que vous vouliez faire.",
        ],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_problem_has_its_own_word_and_its_own_text_in_each_language() {
        let words: BTreeSet<_> = SignInProblem::ALL.iter().map(|problem| problem.word()).collect();
        assert_eq!(words.len(), SignInProblem::ALL.len());
        let texts: BTreeSet<_> = SignInProblem::ALL.iter().flat_map(|problem| problem.texts()).collect();
        assert_eq!(texts.len(), SignInProblem::ALL.len() * LANGUAGES.len());
        assert!(texts.iter().all(|text| text.ends_with('.')));
    }
}
