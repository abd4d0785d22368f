#!/usr/bin/env python3
"""What pocketsphinx_words.py is worth: how much of what machines say it recognises, and what it hears in people.

    tools/words/measure.py COMMAND...        such as ~/.cache/aftertone/words/bin/python tools/words/pocketsphinx_words.py
                                         once tests/setup.sh words has installed it

It needs espeak-ng and sox, and fetches flite and Asterisk's recorded prompts (tools/greetings/voices.sh). Each text is said by
four of ten synthetic voices, clean or in noise 25 or 15 dB below, through mu-law. The sets are `common` (wordings as networks
and companies have them), `bench` (those of `make bench-screen`, which the file of phrases was not written for) and `recorded`
(Asterisk's English prompts, a person's voice).
"""

import collections
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import wave

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

COMMON = """
records|Hi, you've reached Sarah. I can't come to the phone right now. Please leave a message and I'll call you back.
records|Hello, this is Mike Johnson. I'm either on the phone or away from my desk. Leave your name and number and I'll get back to you.
records|You have reached the voice mailbox of Karen Miller. She is not available. At the tone, please record your message.
records|Your call has been forwarded to an automatic voice message system. Nine one two is not available. At the tone please record your message. When you have finished recording you may hang up.
records|The person you are trying to reach is not available. Please leave your message after the tone.
records|Hey, it's Tom, I missed your call. Leave me a message after the beep. Thanks.
records|Sorry we can't take your call right now. Please leave a detailed message after the tone.
records|The subscriber you have dialed is unavailable. Please leave a message after the signal.
records|Welcome to the mailbox of Daniel. Please speak after the tone.
records|Thank you for calling. Our office is currently closed. Please leave a message and we will return your call.
menu|Thank you for calling Acme Bank. For English, press one. For Spanish, press two.
menu|Please listen carefully as our menu options have changed. For sales press one, for support press two.
menu|To speak to an agent press zero. To hear these options again press star.
menu|If you know your party's extension, you may dial it at any time.
menu|Main menu. For billing press or say one.
full|The mailbox is full and cannot accept any messages at this time. Goodbye.
full|Sorry, the mailbox of the person you are calling is full. Please try again later.
full|The memory is full. No more messages can be recorded.
full|This mailbox has not been set up yet. Please try your call again later.
screening|Hi, if you record your name and reason for calling, I'll see if this person is available.
screening|The person you are calling is using a screening service. Go ahead and say your name and why you are calling.
screening|Hi, the person you're calling is using a screening service from Google. Go ahead and say your name and why you're calling.
screening|Please say your name and the reason for your call after the tone, and I will see if they are available.
screening|Before I connect you, please tell me your name and the purpose of your call.
out_of_service|The number you have dialed is not in service. Please check the number and dial again.
out_of_service|We're sorry, the number you have reached has been disconnected or is no longer in service.
out_of_service|Your call cannot be completed as dialed. Please check the number and try again.
out_of_service|The customer you are calling is not accepting calls at this time.
out_of_service|The number you have dialed has been changed. The new number is not known.
connects|Please hold while I try to connect you.
connects|One moment please, your call is being transferred.
connects|All of our agents are busy. Please stay on the line and your call will be answered in the order it was received.
connects|This call may be recorded for quality and training purposes. Please wait while we connect your call.
person|Hello?
person|Hello, who is this?
person|Hi, this is Jennifer.
person|Yeah, hello? Can you hear me?
person|Good morning, Miller and Sons, how may I help you?
person|Good afternoon, Doctor Patel's office, this is Linda speaking, how can I help?
person|Thank you for calling Riverside Dental, this is Amy. How may I direct your call?
person|Johnson Plumbing, Dave speaking.
person|Hello, Smith residence.
person|City library, reference desk, may I help you?
person|Thanks for calling Pizza Palace, will this be pickup or delivery?
person|Front desk, this is Marcus, what can I do for you?
person|Law offices of Brown and Green, please hold one second. Okay, thanks for waiting, how can I help?
person|Hi, yes, I was just going to call you back, can I phone you in ten minutes?
person|Hello? I'm sorry, the line is bad, say that again please.
person|Good evening, Grand Hotel, you're speaking with Peter.
person|Service department, Rick. Did you leave your car with us this morning?
person|Hey mom, I left my phone at the office, what's up?
person|Thanks for calling customer service, my name is Rosa, may I have your name and account number please?
person|Hello, you've reached the front desk, how can I help?
"""

# Pieces of a prompt are joined. Short ones that a person could say take the place of people, who are not among them.
RECORDED = """
records|vm-intro
records|vm-theperson vm-isunavail vm-intro
records|vm-nobodyavail vm-leavemsg
records|vm-isonphone vm-intro beep
full|vm-mailboxfull
menu|basic-pbx-ivr-main
menu|vm-options
menu|conf-usermenu
menu|demo-instruct
menu|vm-opts
menu|dir-intro
screening|priv-recordintro
screening|privacy-prompt
out_of_service|ss-noservice
out_of_service|cannot-complete-as-dialed check-number-dial-again
out_of_service|number-not-answering please-try-call-later
out_of_service|im-sorry feature-not-avail-line
connects|one-moment-please pls-hold-while-try
connects|queue-youarenext queue-thankyou
connects|queue-periodic-announce
connects|pls-hold-while-try
person|hello
person|hello hello-world
person|demo-congrats
person|tt-monkeysintro
person|demo-thanks
person|tt-weasels
person|agent-loginok
person|vm-goodbye
person|conf-onlyperson
person|demo-nogo
person|demo-abouttotry
person|something-terribly-wrong
"""

VOICES = [
    ("espeak", "en-us", 160, 50), ("espeak", "en-us+f2", 150, 60), ("espeak", "en-us+m3", 175, 40),
    ("espeak", "en-gb+f3", 165, 55), ("espeak", "en-us+m7", 145, 45), ("espeak", "en-gb", 170, 50),
    ("flite", "slt"), ("flite", "kal16"), ("flite", "rms"), ("flite", "awb"),
]  # fmt: skip

ENDS = {"menu", "full", "screening", "out_of_service"}


def bench():
    """The English wordings of `make bench-screen`."""
    with open(f"{ROOT}/tools/greetings/src/script.rs", encoding="utf-8") as source:
        texts = source.read().split("const ENGLISH: Texts = Texts {")[1].split("\n};")[0]
    parts = {"hello": "person", "name": "person", "business": "person", "short": "records", "long": "records"}
    parts |= {"carrier": "records", "full": "full", "intercept": "out_of_service", "menu": "menu"}
    names = "|".join(parts)
    for part, wordings in re.findall(rf"\n    ({names}): (&\[.*?\n    \]|&\[&\[.*?\]\]),", texts, re.S):
        for wording in re.findall(r"&\[([^&\[\]]+)\]", wordings):
            sentences = re.findall(r'"((?:[^"\\]|\\.)*)"', wording)
            text = " ".join(sentences).replace("{n}", "Martha Collins").replace("{c}", "Hillside Dental")
            yield parts[part], text.replace("{d}", "two zero two, five five five, zero one zero one")


def speak(voice, text, path, env):
    if voice[0] == "espeak":
        _, name, speed, pitch = voice
        command = ["espeak-ng", "-v", name, "-s", str(speed), "-p", str(pitch), "-w", path, text]
    else:
        command = [env["FLITE"], "-voice", voice[1], "-t", text, "-o", path]
    subprocess.run(command, check=True, env=env)


def telephone(sources, path, noise=None):
    """8 kHz and mu-law, with a pause before and after it."""
    clean = path + ".clean.wav"
    effects = ["gain", "-n", "-6", "pad", "0.4", "1.2"]
    subprocess.run(["sox", "-R", *sources, "-r", "8000", "-c", "1", "-b", "16", clean, *effects], check=True)
    if noise:
        level = 0.12 * 10 ** (-noise / 20)
        hiss = f"sox -R {clean} -p synth whitenoise vol {level} | sox -R -m {clean} -p -e mu-law {path}.mu.wav 2>/dev/null"
        subprocess.run(hiss, shell=True, check=True)
    else:
        subprocess.run(["sox", "-R", clean, "-e", "mu-law", path + ".mu.wav"], check=True)
    subprocess.run(["sox", "-R", path + ".mu.wav", "-e", "signed", "-b", "16", path], check=True)
    with wave.open(path) as file:
        return file.readframes(file.getnframes())


def clips(folder):
    """Each as its set, its class and its sound."""
    voices = subprocess.run([f"{ROOT}/tools/greetings/voices.sh"], check=True, capture_output=True, text=True)
    voices = voices.stdout.strip()
    libraries = f"{voices}/libflite1/usr/lib/{os.uname().machine}-linux-gnu"
    env = dict(os.environ, FLITE=f"{voices}/flite/usr/bin/flite", LD_LIBRARY_PATH=libraries)
    texts = [("common", *line.split("|")) for line in COMMON.strip().splitlines()]
    texts += [("bench", *pair) for pair in bench()]
    for number, (which, label, text) in enumerate(texts):
        chance = random.Random(number)
        for voice in chance.sample(VOICES, 4):
            spoken = f"{folder}/spoken.wav"
            speak(voice, text, spoken, env)
            yield which, label, telephone([spoken], f"{folder}/clip.wav", chance.choice([None, 25, 15]))
    prompts = f"{voices}/asterisk-core-sounds-en-wav/usr/share/asterisk/sounds/en_US_f_Allison"
    for line in RECORDED.strip().splitlines():
        label, parts = line.split("|")
        yield "recorded", label, telephone([f"{prompts}/{part}.wav" for part in parts.split()], f"{folder}/clip.wav")


class Recogniser:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.tell(type="hello", protocol=1, rate=8000, encoding="s16le")
        self.until("ready")
        self.calls = 0

    def tell(self, sound=b"", **message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n" + sound)

    def until(self, kind):
        self.process.stdin.flush()
        while True:
            message = json.loads(self.process.stdout.readline())
            if message["type"] == kind:
                return
            heard.append(message)

    def hear(self, sound):
        heard.clear()
        self.calls += 1
        self.tell(type="begin", call=self.calls)
        for at in range(0, len(sound), 1600):
            piece = sound[at : at + 1600]
            self.tell(piece, type="sound", call=self.calls, at=at // 2, bytes=len(piece))
        self.tell(type="ping", n=self.calls)
        self.tell(type="end", call=self.calls)
        self.until("pong")
        return {message["says"] for message in heard}


heard = []


def main():
    recogniser = Recogniser(sys.argv[1:] or sys.exit(__doc__))
    found = collections.defaultdict(lambda: collections.defaultdict(int))
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for which, label, sound in clips(folder):
            said = recogniser.hear(sound)
            seconds += len(sound) / 16000
            row = found[which, label]
            row["clips"] += 1
            records = bool(said & {"records", "beep_comes"})
            row["right"] += label in said or (label == "records" and records)
            row["records"] += records
            row["ends"] += bool(said & ENDS)
    recogniser.process.stdin.close()
    recogniser.process.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{'set':<9} {'class':<15} {'clips':>5} {'right %':>8} {'records %':>10} {'ends a call %':>14}")
    for (which, label), row in sorted(found.items()):
        share = [100 * row[name] / row["clips"] for name in ("right", "records", "ends")]
        print(f"{which:<9} {label:<15} {row['clips']:>5} {share[0]:>8.0f} {share[1]:>10.0f} {share[2]:>14.0f}")
    print(f"{seconds:.0f} s of sound; the largest of all programs had {used.ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
