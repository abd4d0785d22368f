//! The texts, language by language.

use super::Texts;

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
            "Tell us what it is about after the tone.",
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
    screening: &[
        &[
            "Hi, if you record your name and reason for calling, I'll see if this person is available.",
        ],
        &[
            "Hi, the person you are calling is using a screening service, and will get a copy of this conversation.",
            "Go ahead and say your name, and why you are calling.",
        ],
        &["Please say who is calling and what it is about, and stay on the line."],
    ],
    hold: &[
        &[
            "All of our agents are busy. Please stay on the line, and your call will be taken in turn.",
        ],
        &["Your call matters to us. We will be with you in a moment."],
    ],
    company: &[
        &[
            "Thanks for calling {c}.",
            "This call may be recorded for training.",
            "Please hold while we find somebody for you.",
        ],
        &["You are through to {c}. One of the team will be with you shortly."],
    ],
    connecting: &[
        &["Please hold while I try that number."],
        &[
            "Your call is being connected.",
            "Calls to this number may be charged at a higher rate.",
        ],
        &[
            "Welcome to the calling service.",
            "You have forty minutes left.",
            "We now connect you to the number that you asked for.",
        ],
    ],
    forwarding: &[
        &["The person that you dialed is being paged."],
        &["Please wait while the subscriber is being located."],
    ],
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
    screening: &[
        &[
            "Hallo, wenn Sie Ihren Namen und den Grund Ihres Anrufs aufnehmen, frage ich nach, ob die Person erreichbar ist.",
        ],
        &[
            "Der Angerufene verwendet einen Dienst, der Anrufe prüft.",
            "Bitte sagen Sie, wer Sie sind und warum Sie anrufen.",
        ],
    ],
    hold: &[
        &["Im Augenblick sind alle Leitungen belegt. Bitte haben Sie noch etwas Geduld."],
        &["Der nächste freie Mitarbeiter ist gleich für Sie da."],
    ],
    company: &[
        &[
            "Herzlich willkommen bei {c}.",
            "Wir verbinden Sie mit dem nächsten freien Mitarbeiter.",
        ],
        &["Vielen Dank für Ihren Anruf bei {c}. Dieses Gespräch kann aufgezeichnet werden."],
    ],
    connecting: &[
        &["Ihr Anruf wird verbunden."],
        &[
            "Dieser Anruf kostet zwanzig Cent in der Minute.",
            "Sie werden jetzt verbunden.",
        ],
    ],
    forwarding: &[&["Der Anruf wird weitergeleitet."]],
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
    screening: &[
        &[
            "Hola, si graba su nombre y el motivo de su llamada, veré si esta persona está disponible.",
        ],
        &[
            "La persona a la que llama usa un servicio que filtra las llamadas.",
            "Diga quién es y por qué llama.",
        ],
    ],
    hold: &[
        &["Todos nuestros agentes están ocupados. No cuelgue, por favor."],
        &["Enseguida le atendemos."],
    ],
    company: &[&[
        "Ha llamado a {c}.",
        "Esta llamada puede ser grabada.",
        "En breve le atenderá un compañero.",
    ]],
    connecting: &[
        &["Le estamos conectando con el número marcado."],
        &[
            "Esta llamada tiene un coste adicional.",
            "Espere un momento.",
        ],
    ],
    forwarding: &[&["Estamos localizando al abonado."]],
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
    screening: &[
        &[
            "Bonjour, si vous enregistrez votre nom et la raison de votre appel, je verrai si cette personne est disponible.",
        ],
        &[
            "La personne que vous appelez utilise un service de filtrage.",
            "Dites votre nom et pourquoi vous appelez.",
        ],
    ],
    hold: &[
        &["Tous nos conseillers sont en ligne. Merci de patienter."],
        &["Un conseiller va vous répondre dans un instant."],
    ],
    company: &[&[
        "Vous êtes bien chez {c}.",
        "Cet appel peut être enregistré.",
        "Nous vous mettons en relation.",
    ]],
    connecting: &[
        &["Nous vous connectons avec votre correspondant."],
        &[
            "Cet appel coûte vingt centimes la minute.",
            "Veuillez rester en ligne.",
        ],
    ],
    forwarding: &[&["Votre appel est transféré, veuillez patienter."]],
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
    screening: &[
        &[
            "Salve, se registra il suo nome e il motivo della chiamata, vedo se la persona è disponibile.",
        ],
        &[
            "La persona chiamata usa un servizio che filtra le chiamate.",
            "Dica chi è e perché chiama.",
        ],
    ],
    hold: &[
        &["Tutti gli operatori sono occupati. Si prega di rimanere in attesa."],
        &["Fra poco un operatore sarà da lei."],
    ],
    company: &[&[
        "Grazie per aver scelto {c}.",
        "La chiamata può essere registrata.",
        "La mettiamo in contatto con un collega.",
    ]],
    connecting: &[
        &["Stiamo inoltrando la sua chiamata."],
        &["Questa chiamata ha un costo aggiuntivo.", "Attenda, prego."],
    ],
    forwarding: &[&["Stiamo cercando il cliente chiamato."]],
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
    screening: &[
        &[
            "Dzień dobry, proszę nagrać swoje imię i powód rozmowy, a sprawdzę, czy ta osoba jest dostępna.",
        ],
        &[
            "Ta osoba korzysta z usługi, która sprawdza połączenia.",
            "Proszę powiedzieć, kto dzwoni i dlaczego.",
        ],
    ],
    hold: &[
        &["Wszyscy konsultanci są zajęci. Proszę czekać."],
        &["Za chwilę odbierze konsultant."],
    ],
    company: &[&[
        "Dziękujemy za telefon do firmy {c}.",
        "Rozmowa może być nagrywana.",
        "Łączymy z konsultantem.",
    ]],
    connecting: &[
        &["Trwa łączenie z wybranym numerem."],
        &["Połączenie jest dodatkowo płatne.", "Prosimy poczekać."],
    ],
    forwarding: &[&["Szukamy abonenta."]],
};
