"""Builds, measures and reads back the recorded prompts. Run it by scripts/make-prompts, which prepares what it needs.

The text in prompts/<language>/manifest.toml is the single source of what a prompt says. Where the voice needs other
words or phonemes to say that text, make-prompts-spoken.toml has them. Never changes a text.
"""

import argparse, difflib, json, os, re, subprocess, sys, tempfile, tomllib, wave
from functools import cache
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ["HUIFANG_PROMPTS_CACHE"])
LANGUAGES = {"zh-CN": "chinese", "en": "english"}
KOKORO_VOICE = "zf_xiaoyi"  # Mandarin; English is hibari's "heart", a small model taught by Kokoro's af_heart
SPOKEN = tomllib.loads((Path(__file__).parent / "make-prompts-spoken.toml").read_text("utf-8"))

VOICE_RATE = 24_000
RATE = 8_000
FRAME = 160  # 20 ms, a packet of the line
BLOCK = re.compile(r"(digit|letter|month|day|number)\.|whisper\.minus$")  # composed into longer phrases: short silences
SPEED = {"zh-CN": 0.9, "en": 0.92}
PAUSE_MS = {"。": 400, "？": 400, "！": 350, "；": 350, ".": 400, "?": 400, "!": 350, ";": 350}
SPEECH_DBFS = -20.0
PEAK_DBFS = -3.5


# --- text to phonemes ---------------------------------------------------------------------------------------------


def phonemes_zh(text):
    """Kokoro's phonemes of a Chinese phrase, word by word as misaki writes them, with the two things that misaki
    leaves out: the tone change of 不 (and of 一 in 一次), and a space before a syllable that begins with a vowel (关爱, 按一)."""
    import cn2an, jieba
    from misaki.zh import ZHG2P
    from pypinyin import Style, lazy_pinyin

    jieba.setLogLevel(60)
    text = ZHG2P.map_punctuation(cn2an.transform(text, "an2cn"))
    out = []
    for run in re.findall("[\u4e00-\u9fff]+|[^\u4e00-\u9fff]+", text):
        if not "\u4e00" <= run[0] <= "\u9fff":
            out.append(run)
            continue
        words = []
        for word in jieba.lcut(run, cut_all=False):
            spoken = ""
            for syllable in lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True):
                ipa = ZHG2P.py2ipa(syllable).replace(chr(815), "")
                if spoken and ipa[0] in "aeiouyøœɑɒɔəɚɛɜɤɨʊ":
                    spoken += " "
                spoken += ipa
            words.append(spoken)
        said = " ".join(words)
        said = re.sub("pu↘(?= ?[^→↗↓↘ ]+↘)", "pu↗", said)
        out.append(re.sub("i→(?=ʦʰɨ↘)", "i↗", said))
    return "".join(out)


@cache
def hibari():
    from hibari import Hibari

    return Hibari(voice="heart", threads=1)


def phrases(voice, spoken, text):
    """(phonemes, pause in ms after it) for each phrase of a prompt."""
    if "phonemes" in spoken:
        return [(spoken["phonemes"], 0)]
    text = spoken.get("text", text)
    out = []
    for phrase, end in re.findall(r"([^。？！；.?!;]+)([。？！；.?!;]?)", text):
        phrase = phrase.strip()
        if not phrase:
            continue
        mark = {"。": ".", "？": "?", "！": ".", "；": ".", "!": ".", ";": "."}.get(end, end) or ","
        if voice == "zh-CN":
            said = phonemes_zh(phrase) + mark
        else:
            said = "".join(hibari().phonemize(phrase)).rstrip(".,") + mark
        out.append((said, PAUSE_MS.get(end, 0)))
    return out


# --- phonemes to sound --------------------------------------------------------------------------------------------


@cache
def kokoro():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    onnxruntime.set_seed(1)
    return onnxruntime.InferenceSession(
        CACHE / "kokoro-82m-v1.0-fp32.onnx", options, providers=["CPUExecutionProvider"]
    )


@cache
def styles():
    file = CACHE / "node/node_modules/kokoro-js/voices" / f"{KOKORO_VOICE}.bin"
    return np.fromfile(file, np.float32).reshape(-1, 1, 256)


def speak(voice, said, speed):
    unknown = {c for c in said if c not in hibari().vocab}  # the two models share one phoneme alphabet
    assert not unknown, f"no such phoneme {unknown} in {said}"
    if voice == "en":
        return hibari().from_phonemes(said, speed, seed=0)
    ids = hibari().ids(said)
    inputs = {
        "input_ids": np.array([ids], np.int64),
        "style": styles()[min(len(ids) - 2, len(styles()) - 1)],
        "speed": np.array([speed], np.float32),
    }
    sound = kokoro().run(None, inputs)[0].reshape(-1)
    assert np.isfinite(sound).all(), said
    return sound


def edges(sound, rate, below_db):
    """First and last sample whose 5 ms surroundings are louder than `below_db` under the loudest 5 ms."""
    width = rate // 200
    level = np.sqrt(np.convolve(sound.astype(np.float64) ** 2, np.ones(width) / width, "same"))
    loud = np.flatnonzero(level > level.max() * 10 ** (below_db / 20))
    return loud[0], loud[-1] + 1


def cut(sound, rate, lead_ms, tail_ms, below_db=-42):
    """The sound with exactly this much before and after it; what stays there fades in and out."""
    first, last = edges(sound, rate, below_db)
    lead, tail = rate * lead_ms // 1000, rate * tail_ms // 1000
    padded = np.concatenate([np.zeros(lead), sound, np.zeros(tail)])
    out = padded[first : last + lead + tail].copy()
    out[:lead] *= np.linspace(0, 1, lead)
    fade = min(tail, rate * 60 // 1000)
    out[len(out) - tail :] *= np.concatenate([np.linspace(1, 0, fade), np.zeros(tail - fade)])
    return out


def to_line_rate(sound):
    """24 kHz to 8 kHz with sox's steep low-pass, and a high-pass below the telephone band."""
    command = "sox -D -t f32 -r 24000 -c 1 - -t f32 -r 8000 - highpass 200 rate -v"
    done = subprocess.run(command.split(), input=sound.astype("<f4").tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4").astype(np.float64)


def speech_rms(sound):
    """RMS over the 20 ms frames that hold speech: those within 25 dB of the loud ones."""
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    power = (frames**2).mean(axis=1)
    return np.sqrt(power[power > np.quantile(power, 0.95) * 10**-2.5].mean())


def normalise(sound):
    """Speech at SPEECH_DBFS; the few peaks above PEAK_DBFS are turned down with a 4 ms look-ahead, never clipped."""
    ceiling = 10 ** (PEAK_DBFS / 20)
    for _ in range(3):
        sound = sound * (10 ** (SPEECH_DBFS / 20) / speech_rms(sound))
        gain = np.minimum(1, ceiling / np.maximum(np.abs(sound), 1e-9))
        reach = 32
        gain = np.lib.stride_tricks.sliding_window_view(np.pad(gain, reach, constant_values=1), 2 * reach + 1).min(axis=1)
        window = np.hanning(2 * reach + 1)
        gain = np.convolve(np.pad(gain, reach, mode="edge"), window / window.sum(), "valid")
        sound = sound * np.minimum(1, gain)
    return sound


def beep():
    n = RATE // 4
    sound = 10 ** (-12 / 20) * np.sin(2 * np.pi * 1000 * np.arange(n) / RATE)
    fade = np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / (RATE * 5 // 1000))
    return sound * fade


def music():
    """Eight bars of 2.4 s: a slow broken chord over a soft held one. Made on a ring, so that what still sounds at the end goes
    on at the beginning and the loop has no seam; then kept to the telephone's band, and turned to begin where it is quiet."""
    bars = "G B d g d B|E G B e B G|C E G B G E|D A d f# d A|B, D F# B F# D|C E A e A E|A, E G c G E|D A d G A F#"
    semitone = {"C": 0, "D": 2, "E": 4, "F": 5, "F#": 6, "G": 7, "A": 9, "B": 11}
    note, bar = RATE * 2 // 5, RATE * 12 // 5
    n = 8 * bar
    sound, t, swell = np.zeros(n), np.arange(3 * RATE) / RATE, np.sin(np.pi * np.arange(2 * bar) / (2 * bar)) ** 2

    def tones(name, seconds):  # the first four harmonics, each weaker
        octave = name[0].islower() - name.endswith(",")
        pitch = 329.63 * 2 ** (octave + semitone[name.rstrip(",").upper()] / 12)  # E4 for the C: above the band's lower end
        return [np.sin(2 * np.pi * pitch * h * seconds) / h**2 for h in (1, 2, 3, 4)]

    def add(at, part):
        np.add.at(sound, (at + np.arange(len(part))) % n, part)

    for b, names in enumerate(bars.split("|")):
        for i, name in enumerate(names.split()):
            pluck = sum(tone * np.exp(-t * (1.2 + 0.9 * h)) for h, tone in enumerate(tones(name, t)))
            pluck *= np.minimum(1, t / 0.012) * np.minimum(1, (t[-1] - t) / 0.3)
            add(b * bar + i * note, pluck * (0.55 if i else 0.7))
        for name in names.split()[:3]:  # swells from half a bar before its bar to half a bar after it
            add(b * bar - bar // 2, 0.22 * swell * sum(tones(name, np.arange(2 * bar) / RATE)))
    spectrum, hertz = np.fft.rfft(sound), np.fft.rfftfreq(n, 1 / RATE)
    spectrum *= np.clip((hertz - 220) / 80, 0, 1) * np.clip((3400 - hertz) / 300, 0, 1)
    sound = np.fft.irfft(spectrum, n)
    end = sound[-RATE // 4 :]  # the last note has nearly died away there: begin at its flattest crossing of zero
    crossings = np.flatnonzero(end[:-1] * end[1:] <= 0)
    first = crossings[np.abs(np.diff(end))[crossings].argmin()] + 1
    sound = np.roll(sound, len(end) - first)
    return sound * 10 ** (-24 / 20) / np.sqrt((sound**2).mean())


def build(language, prompt_id, text):
    if prompt_id == "tone.beep":
        return beep()
    if prompt_id == "hold.music":
        return music()
    block = BLOCK.match(prompt_id)
    spoken = SPOKEN.get(language, {}).get(prompt_id, {})
    voice = spoken.get("voice", language)
    parts = []
    for said, pause in phrases(voice, spoken, text):
        sound = speak(voice, said, spoken.get("speed", SPEED[voice]))
        parts += [cut(sound, VOICE_RATE, 20, 40), np.zeros(VOICE_RATE * max(0, pause - 60) // 1000)]
    sound = to_line_rate(np.concatenate(parts))
    return normalise(cut(sound, RATE, 30, 60 if block else 150))


# --- files --------------------------------------------------------------------------------------------------------


def write_wav(path, sound):
    pcm = np.round(sound * 32768).astype(np.int64)
    assert abs(pcm).max() < 32767, path
    pcm = np.pad(pcm, (0, -len(pcm) % FRAME))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.astype("<i2").tobytes())


def read_wav(path):
    with wave.open(str(path)) as file:
        shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        assert shape == (1, 2, RATE), f"{path}: {shape}"
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def manifest(language):
    file = ROOT / "prompts" / language / "manifest.toml"
    return sorted(tomllib.loads(file.read_text("utf-8"))["prompt"], key=lambda p: p["id"])


def write_manifest(language, prompts):
    out = []
    for p in prompts:
        path = ROOT / "prompts" / language / f"{p['id']}.wav"
        length_ms = len(read_wav(path)) * 1000 // RATE if path.exists() else 0
        text = json.dumps(p["text"], ensure_ascii=False)
        out.append(f'[[prompt]]\nid = "{p["id"]}"\ntext = {text}\nlength_ms = {length_ms}\n')
    (ROOT / "prompts" / language / "manifest.toml").write_text("\n".join(out), "utf-8")


# --- measuring ----------------------------------------------------------------------------------------------------


def measure(chosen):
    db = lambda x: round(20 * float(np.log10(max(x, 1e-9))), 1)
    groups, bad = {}, []
    for language, p in chosen:
        path = ROOT / "prompts" / language / f"{p['id']}.wav"
        pcm = read_wav(path)
        sound = pcm / 32768
        stat = subprocess.run(["sox", path, "-n", "stat"], capture_output=True, text=True, check=True).stderr
        peak = max(abs(float(x)) for x in re.findall(r"(?:Maximum|Minimum) amplitude:\s+(\S+)", stat))
        whole = float(re.search(r"RMS\s+amplitude:\s+(\S+)", stat)[1])
        first, last = edges(sound, RATE, -44)  # a little deeper than `cut`, so that rounding cannot move an edge
        row = {
            "speech dBFS": db(speech_rms(sound)), "whole file dBFS": db(whole), "peak dBFS": db(peak),
            "lead ms": round(float(first) * 1000 / RATE, 1), "tail ms": round(float(len(sound) - last) * 1000 / RATE, 1), "length ms": len(sound) * 1000 / RATE,
        }
        block = BLOCK.match(p["id"])
        kind = "tone" if p["id"].startswith("tone.") else "music" if p["id"].startswith("hold.") else "block" if block else "sentence"
        group = groups.setdefault(f"{language} {kind}", [])
        group.append(row)
        # The tail may be 19.9 ms longer than it was cut, by the padding to whole packets.
        faults = {
            "length": len(pcm) % FRAME or row["length ms"] != p.get("length_ms"),
            "clipped": abs(pcm.astype(int)).max() >= 32767,
            "peak": row["peak dBFS"] > -3,
            "level": kind in ("sentence", "block") and abs(row["speech dBFS"] - SPEECH_DBFS) > 1.5,
            "lead": kind in ("sentence", "block") and row["lead ms"] > 60,
            "tail": kind in ("sentence", "block") and row["tail ms"] > (80 if block else 180),
        }
        bad += [f"{language}/{p['id']}: {fault}: {row}" for fault, is_so in faults.items() if is_so]
    print("| prompts | files | seconds |", " | ".join(list(row)[:5]), "|")
    print("| --- " * 8 + "|")
    for name, rows in groups.items():
        ranges = [f"{min(r[k] for r in rows):.1f} … {max(r[k] for r in rows):.1f}" for k in list(row)[:5]]
        print(f"| {name} | {len(rows)} | {sum(r['length ms'] for r in rows) / 1000:.1f} |", " | ".join(ranges), "|")
    print(*bad, sep="\n")
    return not bad


# --- reading back -------------------------------------------------------------------------------------------------


def compose(language, ids):
    """Prompts one after the other, as the engine plays them."""
    return np.concatenate([read_wav(ROOT / "prompts" / language / f"{i}.wav") for i in ids]) / 32768


def sounds_of(language, text):
    """What a text sounds like, for a comparison: pinyin with tones, or English words without case and marks."""
    if language == "zh-CN":
        import cn2an
        from pypinyin import Style, lazy_pinyin

        text = cn2an.transform(re.sub(r"(?<=\d)[, -]*(?=\d)", " ", text), "an2cn").replace("幺", "一")
        text = re.sub("[^\u4e00-\u9fffA-Za-z]", "", text).upper()
        return [s for s in lazy_pinyin(text, style=Style.TONE3)]
    digit = "zero one two three four five six seven eight nine".split()
    text = re.sub("['’]re ", " are ", text.lower()).replace("#", "hash ").replace("14th", "fourteenth").replace("31st", "thirty first")
    text = re.sub(r"(?<![\w-])-(?=\d)", "minus ", text)
    text = re.sub(r"\b12\b", "twelve", re.sub(r"\b10\b", "ten", text)).replace("-", " ")
    text = re.sub(r"\d", lambda m: f" {digit[int(m[0])]} ", text)
    return re.sub("[^a-z0-9 ]", "", text).split()


def read_back(chosen):
    """Each sentence, and the composed samples of make-prompts-spoken.toml, through A-law and then to the recogniser."""
    ids = {(lang, p["id"]) for lang, p in chosen}
    jobs = [(lang, p["id"], p["text"], [p["id"]]) for lang, p in chosen if not re.match(r"(tone|hold\.music)", p["id"]) and not BLOCK.match(p["id"])]
    for sample in SPOKEN["composed"]:
        if all((sample["language"], prompt_id) in ids for prompt_id in sample["ids"]):
            jobs.append((sample["language"], "+".join(sample["ids"]), sample["text"], sample["ids"]))
    with tempfile.TemporaryDirectory() as tmp:
        lines = []
        for n, (lang, _, _, ids) in enumerate(jobs):
            sox = lambda args, data: subprocess.run(["sox", *args.split()], input=data, capture_output=True, check=True).stdout
            alaw = sox("-D -t f32 -r 8000 -c 1 - -t al -r 8000 -", compose(lang, ids).astype("<f4").tobytes())
            Path(f"{tmp}/{n}").write_bytes(sox("-t al -r 8000 -c 1 - -t f32 -r 16000 - rate -v", alaw))
            lines.append(f"{LANGUAGES[lang]}\t{tmp}/{n}")
        node = subprocess.Popen(
            ["node", Path(__file__).with_name("make-prompts-readback.mjs")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        node.stdin.write("\n".join(lines) + "\n")
        node.stdin.close()
        same = 0
        for line in node.stdout:
            file, heard = line.rstrip("\n").split("\t")
            lang, name, text, _ = jobs[int(Path(file).name)]
            a, b = sounds_of(lang, text), sounds_of(lang, heard)
            if a == b:
                same += 1
                continue
            diff = [f"{'/'.join(a[i:j])} → {'/'.join(b[k:l])}" for op, i, j, k, l in difflib.SequenceMatcher(None, a, b, False).get_opcodes() if op != "equal"]
            print(f"{lang} {name}\n  text:  {text}\n  heard: {heard}\n  {'; '.join(diff)}", flush=True)
        assert node.wait() == 0
    print(f"{same} of {len(jobs)} heard as written")
    return same == len(jobs)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--only", default="", help="regular expression that an id must contain")
    args.add_argument("--language", choices=list(LANGUAGES))
    args.add_argument("--measure", action="store_true")
    args.add_argument("--read-back", action="store_true")
    args = args.parse_args()
    languages = [args.language] if args.language else list(LANGUAGES)
    chosen = [(lang, p) for lang in languages for p in manifest(lang) if re.search(args.only, p["id"])]
    if args.measure:
        return measure(chosen)
    if args.read_back:
        return read_back(chosen)
    for lang, p in chosen:
        write_wav(ROOT / "prompts" / lang / f"{p['id']}.wav", build(lang, p["id"], p["text"]))
    for lang in languages:
        write_manifest(lang, manifest(lang))
    return True


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
