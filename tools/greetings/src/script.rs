//! What people and machines say: texts for the synthetic voices, prompts for the recorded ones.

/// An occasion to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A person: "hello?"
    Hello,
    /// A person: their name.
    Name,
    /// A person: a company's greeting.
    Business,
    /// A mailbox in one sentence.
    Short,
    /// A mailbox in several sentences.
    Long,
    /// The network's own mailbox.
    Carrier,
    /// A mailbox that takes no more.
    Full,
    /// The announcement after the intercept tones.
    Intercept,
    /// A menu.
    Menu,
}

/// What may be said on an occasion: each is a list of sentences, between which there is a pause.
pub(crate) type Sayings = &'static [&'static [&'static str]];

/// The texts of one language.
pub(crate) struct Texts {
    pub(crate) names: &'static [&'static str],
    pub(crate) companies: &'static [&'static str],
    hello: Sayings,
    name: Sayings,
    business: Sayings,
    short: Sayings,
    long: Sayings,
    carrier: Sayings,
    full: Sayings,
    intercept: Sayings,
    menu: Sayings,
}

impl Texts {
    /// In them `{n}` is a name, `{c}` a company and `{d}` a number, digit by digit.
    pub(crate) fn of(&self, part: Part) -> Sayings {
        match part {
            Part::Hello => self.hello,
            Part::Name => self.name,
            Part::Business => self.business,
            Part::Short => self.short,
            Part::Long => self.long,
            Part::Carrier => self.carrier,
            Part::Full => self.full,
            Part::Intercept => self.intercept,
            Part::Menu => self.menu,
        }
    }
}

/// What Asterisk's recorded prompts say on an occasion, in any of their languages. Pieces of a sentence are separated by
/// spaces; `#` is spoken digits. If a language lacks one it is left out. They hold few things that a person would say,
/// so other short prompts of the right length replace them.
pub(crate) fn prompts(part: Part) -> Sayings {
    match part {
        Part::Hello => &[
            &["hello"],
            &["hello"],
            &["vm-goodbye"],
            &["im-sorry"],
            &["vm-extension"],
        ],
        Part::Name => &[
            &["hello hello-world"],
            &["vm-isonphone"],
            &["hello vm-isunavail"],
            &["tt-somethingwrong"],
            &["agent-loginok"],
        ],
        Part::Business => &[
            &["queue-thankyou vm-reachoper"],
            &["hello queue-thankyou hello-world"],
            &["transfer"],
            &["priv-callpending"],
            &["im-sorry please-try-call-later"],
            &["queue-thankyou tt-somethingwrong"],
        ],
        Part::Short => &[
            &["vm-nobodyavail"],
            &["vm-theperson vm-isunavail"],
            &["vm-extension # vm-isunavail"],
            &["vm-leavemsg"],
            &["im-sorry vm-isonphone"],
        ],
        Part::Long => &[
            &[
                "hello vm-theperson",
                "# vm-isunavail",
                "vm-leavemsg",
                "vm-intro",
            ],
            &["queue-thankyou", "vm-nobodyavail", "vm-intro", "vm-goodbye"],
            &[
                "hello-world",
                "im-sorry vm-nobodyavail",
                "priv-callpending",
                "vm-intro",
            ],
        ],
        Part::Carrier => &[
            &["vm-theperson # vm-isunavail", "vm-intro"],
            &["vm-theperson # vm-isonphone", "vm-intro"],
            &["vm-nobodyavail", "vm-intro"],
            &["vm-extension # vm-isunavail", "vm-intro"],
        ],
        Part::Full => &[
            &[
                "vm-theperson # vm-isunavail",
                "vm-mailboxfull",
                "vm-goodbye",
            ],
            &["im-sorry vm-mailboxfull", "vm-goodbye"],
        ],
        Part::Intercept => &[&["ss-noservice"], &["im-sorry", "ss-noservice"]],
        Part::Menu => &[
            &[
                "queue-thankyou",
                "vm-reachoper",
                "vm-star-cancel",
                "dir-instr",
                "vm-tocancel",
            ],
            &["queue-thankyou", "dir-instr", "vm-reachoper", "vm-tocancel"],
        ],
    }
}

pub(crate) const ENGLISH: Texts = Texts {
    names: &["Martha Collins", "Greg", "Doctor Patel", "the Andersons"],
    companies: &["Hillside Dental", "Carter Plumbing", "Blue River Travel"],
    hello: &[
        &["Hello?"],
        &["Yes?"],
        &["Hi there."],
        &["Hello, who is calling?"],
        &["Yeah?"],
    ],
    name: &[
        &["This is {n}."],
        &["{n}, hello?"],
        &["Hello, {n} here."],
        &["Good evening, {n} speaking."],
    ],
    business: &[
        &["Good afternoon, {c}, {n} speaking, what can I do for you?"],
        &["{c}, how may I help?"],
        &["Thanks for calling {c}, you are speaking with {n}."],
        &["{c}, reception, one moment please."],
    ],
    short: &[
        &["Hey, it's {n}, leave me a message."],
        &["You have reached {n}. Speak after the beep."],
        &["This is {n}. You know the drill."],
    ],
    long: &[
        &[
            "Hello, this is the voicemail of {n}.",
            "I can't take your call at the moment.",
            "Leave your name and your number, and a few words about what you need.",
            "I'll get back to you as soon as I can.",
            "Thanks, bye.",
        ],
        &[
            "You have reached {c}.",
            "Our office is closed right now.",
            "We are open Monday to Friday, from nine in the morning until five in the afternoon.",
            "Please leave a message after the tone.",
        ],
    ],
    carrier: &[
        &[
            "The number you called, {d}, is not available.",
            "Please leave a message after the tone.",
        ],
        &[
            "The customer you are calling cannot come to the phone.",
            "Your call is being forwarded to voicemail.",
            "Record your message after the tone. To finish, simply hang up.",
        ],
    ],
    full: &[&[
        "The mailbox of {n} is full.",
        "Please try again later.",
        "Goodbye.",
    ]],
    intercept: &[&[
        "The number you dialed has been disconnected or is no longer in service.",
        "Please check the number and try again.",
    ]],
    menu: &[&[
        "Welcome to {c}.",
        "For opening hours, press one.",
        "For appointments, press two.",
        "For billing, press three.",
        "To speak with somebody at the front caller, press zero.",
    ]],
};

pub(crate) const GERMAN: Texts = Texts {
    names: &["Katrin Vogel", "Herr Lindner", "Familie Brandt"],
    companies: &[
        "Autohaus Keller",
        "Praxis Doktor Sommer",
        "Reisebüro Fernweh",
    ],
    hello: &[&["Hallo?"], &["Ja?"], &["Ja, hallo?"], &["Bitte?"]],
    name: &[&["{n}."], &["{n}, guten Tag."], &["Ja, {n} hier."]],
    business: &[
        &["{c}, guten Tag, mein Name ist {n}, wie kann ich Ihnen helfen?"],
        &["Guten Morgen, {c}, Sie sprechen mit {n}."],
        &["{c}, was kann ich für Sie tun?"],
    ],
    short: &[
        &["Hier ist {n}, sprechen Sie bitte nach dem Ton."],
        &["Das ist die Mailbox von {n}."],
    ],
    long: &[
        &[
            "Guten Tag, hier ist der Anrufbeantworter von {n}.",
            "Ich bin gerade nicht zu Hause.",
            "Bitte sagen Sie mir Ihren Namen und Ihre Nummer, dann rufe ich zurück.",
            "Sprechen Sie nach dem Signalton.",
            "Danke.",
        ],
        &[
            "Sie sind verbunden mit {c}.",
            "Unser Büro ist zur Zeit nicht besetzt.",
            "Wir sind von Montag bis Freitag zwischen acht und siebzehn Uhr für Sie da.",
            "Nachrichten nehmen wir nach dem Ton gerne entgegen.",
        ],
    ],
    carrier: &[
        &[
            "Der Anschluss {d} ist zur Zeit nicht erreichbar.",
            "Hinterlassen Sie eine Nachricht nach dem Ton.",
        ],
        &[
            "Dies ist die Sprachmailbox von {d}.",
            "Bitte sprechen Sie nach dem Ton.",
        ],
    ],
    full: &[&[
        "Diese Mailbox ist leider voll.",
        "Bitte versuchen Sie es später noch einmal.",
    ]],
    intercept: &[&[
        "Diese Rufnummer ist nicht vergeben.",
        "Bitte prüfen Sie die Nummer.",
    ]],
    menu: &[&[
        "Willkommen bei {c}.",
        "Für Termine drücken Sie die eins.",
        "Für Rechnungen drücken Sie die zwei.",
        "Für alles andere bleiben Sie bitte am Apparat.",
    ]],
};

pub(crate) const SPANISH: Texts = Texts {
    names: &["Lucía Romero", "don Andrés", "la familia Ortega"],
    companies: &["Clínica San Telmo", "Ferretería Molina", "Viajes Horizonte"],
    hello: &[&["¿Sí?"], &["¿Hola?"], &["¿Dígame?"], &["¿Quién es?"]],
    name: &[&["{n}, dígame."], &["Hola, habla {n}."], &["Soy {n}."]],
    business: &[
        &["{c}, buenas tardes, habla {n}, ¿qué se le ofrece?"],
        &["Gracias por llamar a {c}, ¿en qué le ayudo?"],
    ],
    short: &[
        &["Soy {n}, deja tu mensaje después del tono."],
        &["Este es el buzón de {n}."],
    ],
    long: &[&[
        "Hola, has llamado a {n}.",
        "Ahora mismo no puedo contestar.",
        "Deja tu nombre y tu número y te llamo en cuanto pueda.",
        "Habla después de la señal.",
        "Un saludo.",
    ]],
    carrier: &[
        &[
            "El número {d} no está disponible.",
            "Grabe su mensaje después del tono.",
        ],
        &[
            "La persona a la que llama no puede atenderle.",
            "Su llamada será transferida al buzón de voz.",
            "Hable después de la señal.",
        ],
    ],
    full: &[&[
        "El buzón está completo y no admite más mensajes.",
        "Gracias.",
    ]],
    intercept: &[&[
        "El número que usted marcó no está en servicio.",
        "Compruebe el número, por favor.",
    ]],
    menu: &[&[
        "Le damos la bienvenida a {c}.",
        "Si desea una cita, pulse uno.",
        "Si desea información, pulse dos.",
        "Para hablar con una persona, espere en la línea.",
    ]],
};

pub(crate) const FRENCH: Texts = Texts {
    names: &["Élodie Bernard", "monsieur Lambert", "la famille Petit"],
    companies: &["le cabinet Moreau", "Menuiserie Girard", "Agence du Port"],
    hello: &[&["Allô ?"], &["Oui ?"], &["Oui, j'écoute ?"]],
    name: &[&["Oui, {n} ?"], &["{n}, bonjour."], &["Allô, ici {n}."]],
    business: &[
        &["{c}, bonjour, {n} à l'appareil, comment puis-je vous aider ?"],
        &["Merci d'avoir appelé {c}, ne quittez pas."],
    ],
    short: &[
        &["C'est {n}, laissez-moi un message."],
        &["Vous êtes sur le répondeur de {n}."],
    ],
    long: &[&[
        "Bonjour, vous avez joint {n}.",
        "Je suis absent pour l'instant.",
        "Dites-moi votre nom et votre numéro, je vous rappelle dès mon retour.",
        "Parlez après le bip.",
        "Merci et à bientôt.",
    ]],
    carrier: &[
        &[
            "Le correspondant que vous demandez n'est pas joignable.",
            "Laissez votre message après le signal sonore.",
        ],
        &[
            "Vous êtes bien au {d}.",
            "Merci de laisser un message après le signal.",
        ],
    ],
    full: &[&[
        "Cette messagerie est pleine.",
        "Merci de rappeler plus tard.",
    ]],
    intercept: &[&[
        "Le numéro que vous demandez n'est plus attribué.",
        "Veuillez consulter l'annuaire.",
    ]],
    menu: &[&[
        "Bienvenue, vous êtes en relation avec {c}.",
        "Pour un rendez-vous, faites le un.",
        "Pour une facture, faites le deux.",
        "Pour parler à quelqu'un, restez en ligne.",
    ]],
};

pub(crate) const ITALIAN: Texts = Texts {
    names: &["Giulia Ferrari", "il signor Conti", "casa Marino"],
    companies: &["Studio Greco", "Autofficina Riva", "Viaggi Sole"],
    hello: &[&["Pronto?"], &["Sì?"], &["Pronto, sì?"]],
    name: &[&["{n}, pronto."], &["Sì, sono {n}."], &["Pronto, {n}."]],
    business: &[
        &["{c}, buongiorno, parla {n}, in cosa posso esserle utile?"],
        &["Grazie per aver chiamato {c}, mi dica."],
    ],
    short: &[
        &["Sono {n}, lasciate un messaggio dopo il segnale."],
        &["Segreteria di {n}."],
    ],
    long: &[&[
        "Ciao, questa è la segreteria di {n}.",
        "Adesso non posso rispondere.",
        "Lascia il tuo nome e il tuo numero, ti richiamo appena posso.",
        "Parla dopo il segnale.",
    ]],
    carrier: &[&[
        "L'utente desiderato, {d}, non è raggiungibile.",
        "Può lasciare un messaggio dopo il segnale.",
    ]],
    full: &[&["La segreteria è piena.", "Si prega di richiamare."]],
    intercept: &[&[
        "Il numero selezionato non è attivo.",
        "Controlli il numero, per favore.",
    ]],
    menu: &[&[
        "Benvenuti da {c}.",
        "Per gli appuntamenti, premere uno.",
        "Per i pagamenti, premere due.",
        "Per parlare con noi, restare in linea.",
    ]],
};

pub(crate) const POLISH: Texts = Texts {
    names: &["Anna Zielińska", "Tomasz", "Państwo Lis"],
    companies: &["Biuro Orbita", "Serwis Kowal", "Przychodnia Zdrowie"],
    hello: &[&["Halo?"], &["Tak?"], &["Słucham?"], &["Tak, słucham?"]],
    name: &[&["{n}, słucham."], &["Halo, tu {n}."]],
    business: &[
        &["{c}, dzień dobry, w czym mogę pomóc?"],
        &["Dzień dobry, tu {c}, przy telefonie {n}."],
    ],
    short: &[&["Tu {n}, zostaw wiadomość."], &["Poczta głosowa, {n}."]],
    long: &[&[
        "Dzień dobry, dodzwoniłeś się do {n}.",
        "Nie mogę teraz odebrać telefonu.",
        "Zostaw swoje imię i numer, oddzwonię jak najszybciej.",
        "Nagraj się po sygnale.",
    ]],
    carrier: &[&[
        "Abonent {d} jest chwilowo niedostępny.",
        "Po usłyszeniu sygnału zostaw wiadomość.",
    ]],
    full: &[&["Skrzynka jest pełna.", "Do widzenia."]],
    intercept: &[&["Nie ma takiego numeru.", "Proszę sprawdzić numer."]],
    menu: &[&[
        "Witamy w firmie {c}.",
        "Aby umówić wizytę, naciśnij jeden.",
        "Aby połączyć się z recepcją, naciśnij zero.",
    ]],
};
