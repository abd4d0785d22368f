#!/usr/bin/env python3
"""Hears the words of telephone calls with PocketSphinx, for `screen.words` of aftertone.

It speaks the line protocol of docs/src/guide/words.md on its input and output. What it listens for is in a file beside
it, en-US.words, which says how to edit it; the language model is made from that file at each start.

    pocketsphinx_words.py [--words FILE] [--calls N]

One decoder serves a call, 60 MB each; what more calls than N say at once is not heard.
"""

import argparse
import array
import collections
import json
import math
import os
import re
import sys
import tempfile

from pocketsphinx import Decoder, get_model_path

RATE = 8000
PIECE = 10  # looks for phrases each so many pieces of sound: one second
# The mean cepstrum of telephone calls, from which each call begins; the model adapts it to the call.
CEPSTRUM = "50.6,-4.6,0.6,5.3,-1,-3.5,-3,-2.9,-6.7,2.2,-3.3,1.9,-0.6"
QUIET = 250  # a piece without a louder sample is silence
PAUSE = 10  # so many quiet pieces end a turn; the model must not adapt to silence
TURN = 20.0  # a decoder's memory grows with what it has heard: seconds until it begins anew


class Phrase:
    """A line of the file: what is listened for, and what it is worth."""

    def __init__(self, what, words):
        self.says, self.nats, *more = what.split()
        self.nats = float(self.nats)
        self.beep_in = next((float(m.split("=")[1]) for m in more if m.startswith("beep_in=")), None)
        self.text = " ".join(words)
        gap = r"(?:\S+ ){0,3}?"
        self.pattern = re.compile(" " + "".join(gap if word == "..." else re.escape(word) + " " for word in words))


def read(path):
    """The phrases of a file, and the sentences that its language model is made from."""
    phrases, sentences = [], []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            try:
                if line.startswith("+"):
                    sentences.append(line[1:].split())
                else:
                    what, words = line.split("|")
                    phrases.append(Phrase(what, words.split()))
                    sentences.append([word for word in words.split() if word != "..."])
            except ValueError as error:
                sys.exit(f"{path}, line {number}: {error}")
    return phrases, sentences


def language_model(sentences, file, order=3):
    """Writes a trigram model of these sentences (absolute discounting, ARPA format)."""
    discount = 0.5
    counts = [collections.Counter() for _ in range(order)]
    for sentence in sentences:
        words = ["<s>", *sentence, "</s>"]
        for n in range(order):
            counts[n].update(tuple(words[i : i + n + 1]) for i in range(len(words) - n))
    total = sum(count for gram, count in counts[0].items() if gram != ("<s>",))
    grams = [{gram: count / total for gram, count in counts[0].items()}] + [{} for _ in range(order - 1)]
    backoff = [{} for _ in range(order)]

    def probability(gram):
        n = len(gram) - 1
        if gram in grams[n]:
            return grams[n][gram]
        return backoff[n - 1].get(gram[:-1], 1.0) * probability(gram[1:])

    for n in range(1, order):
        after = collections.defaultdict(list)
        for gram in counts[n]:
            after[gram[:-1]].append(gram)
        for history, followers in after.items():
            seen = sum(counts[n][gram] for gram in followers)
            for gram in followers:
                grams[n][gram] = (counts[n][gram] - discount) / seen
            lower = sum(probability(gram[1:]) for gram in followers)
            backoff[n - 1][history] = discount * len(followers) / seen / max(1e-9, 1 - lower)

    log = lambda value: f"{math.log10(max(value, 1e-9)):.4f}"
    print("\\data\\", *(f"ngram {n + 1}={len(grams[n])}" for n in range(order)), sep="\n", file=file)
    for n in range(order):
        print(f"\n\\{n + 1}-grams:", file=file)
        for gram, value in sorted(grams[n].items()):
            last = n == order - 1
            weight = "" if last else "\t" + log(min(backoff[n].get(gram, 1.0), 1e3))
            print(log(value if gram != ("<s>",) else 0), " ".join(gram), sep="\t", end=weight + "\n", file=file)
    print("\n\\end\\", file=file)


class Model:
    """What all calls share."""

    def __init__(self, path):
        self.phrases, self.sentences = read(path)
        # Gone with this program.
        self.lm = tempfile.NamedTemporaryFile("w", suffix=".lm", encoding="utf-8")
        language_model(self.sentences, self.lm)
        self.lm.flush()

    def decoder(self):
        model = get_model_path()
        return Decoder(
            hmm=f"{model}/en-us/en-us",
            dict=f"{model}/en-us/cmudict-en-us.dict",
            lm=self.lm.name,
            loglevel="FATAL",
            maxhmmpf=1500,
            maxwpf=10,
        )

    def unknown(self, decoder):
        """Words of the file that the model's dictionary does not have."""
        words = {word for sentence in self.sentences for word in sentence}
        return sorted(word for word in words if decoder.lookup_word(word) is None)


class Call:
    """One call that is heard."""

    def __init__(self, decoder):
        self.decoder = decoder
        self.decoder.set_cmn(CEPSTRUM)
        self.pieces = 0
        self.said = set()
        self.quiet = 0
        self.start, self.next = None, 0

    def begins_at(self, at):
        self.start, self.next = at, at
        self.decoder.start_utt()

    def ends(self):
        """Ends a turn."""
        if self.start is not None:
            self.decoder.end_utt()
            self.start = None
            self.said.clear()

    def hear(self, at, sound, phrases):
        """Takes a piece of sound, and yields each phrase that it completes, once a turn."""
        samples = array.array("h", sound)
        if sys.byteorder == "big":
            samples.byteswap()
        is_quiet = max(samples, default=0) < QUIET and min(samples, default=0) > -QUIET
        self.quiet = self.quiet + 1 if is_quiet else 0
        if self.start is not None and (at != self.next or at - self.start > TURN * RATE or self.quiet > PAUSE):
            yield from self.phrases(phrases)
            self.ends()
        if self.start is None:
            if is_quiet:
                return
            self.begins_at(at)
        # The model is of 16 kHz: each sample twice. What that adds above 4 kHz disturbs it less than silence there.
        doubled = array.array("h", bytes(len(sound) * 2))
        doubled[0::2] = samples
        doubled[1::2] = samples
        self.decoder.process_raw(doubled.tobytes(), False, False)
        self.next = at + len(samples)
        self.pieces += 1
        if self.pieces % PIECE == 0:
            yield from self.phrases(phrases)

    def phrases(self, phrases):
        segments = [
            (re.sub(r"\(\d+\)$", "", s.word), s.start_frame, s.end_frame) for s in self.decoder.seg() or []
        ]
        segments = [s for s in segments if not s[0].startswith(("<", "[", "+"))]
        text = " " + "".join(word + " " for word, _, _ in segments)
        for phrase in phrases:
            for found in phrase.pattern.finditer(text):
                first = text.count(" ", 0, found.start() + 1) - 1
                last = text.count(" ", 0, found.end() - 1) - 1
                # A hundred frames a second. The last words may still change: they have to be over for a moment.
                begin, end = (self.start + segments[first][1] * 80, self.start + segments[last][2] * 80)
                if end > self.next - RATE // 5 or (phrase.text, begin // RATE) in self.said:
                    continue
                self.said.add((phrase.text, begin // RATE))
                yield phrase, begin, min(end, self.next)


def say(**message):
    print(json.dumps(message), flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--words", default=os.path.join(os.path.dirname(__file__), "en-US.words"))
    options.add_argument("--calls", type=int, default=10, help="calls that are heard at once (10)")
    options = options.parse_args()
    model = Model(options.words)
    free = [model.decoder()]
    made = 1
    unknown = model.unknown(free[0])
    if unknown:
        print(f"the dictionary lacks {', '.join(unknown)}", file=sys.stderr, flush=True)
    calls = {}
    source = sys.stdin.buffer
    while line := source.readline():
        message = json.loads(line)
        kind, call = message["type"], message.get("call")
        if kind == "hello":
            say(type="ready", protocol=1, name="pocketsphinx en-US")
        elif kind == "begin":
            if not free and made < options.calls:
                free.append(model.decoder())
                made += 1
            if free:
                calls[call] = Call(free.pop())
            else:
                print(f"more than {options.calls} calls: call {call} is not heard", file=sys.stderr, flush=True)
        elif kind == "sound":
            sound = source.read(message["bytes"])
            if call in calls:
                for phrase, begin, end in calls[call].hear(message["at"], sound, model.phrases):
                    beep = {} if phrase.beep_in is None else {"beep_in": phrase.beep_in}
                    say(
                        type="words", call=call, text=phrase.text, says=phrase.says, nats=phrase.nats,
                        **{"from": begin, "until": end}, **beep,
                    )
        elif kind == "end":
            if call in calls:
                ended = calls.pop(call)
                ended.ends()
                free.append(ended.decoder)
        elif kind == "ping":
            say(type="pong", n=message["n"])


if __name__ == "__main__":
    main()
