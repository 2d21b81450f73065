// A call in the browser: microphone and loudspeaker of the agent, joined to the customer's call over WebRTC (src/net/webrtc). G.711 only, since the
// customer's telephone has nothing better and so nothing is transcoded. An ES module, no build step.
//
// startCall(transferId, { post, audio }) -> call
//   post(path, body)  sends JSON and gives the answer's JSON; rejects when the server refuses. The page adds its CSRF token there.
//   audio             constraints of the microphone, for getUserMedia; DEFAULT_AUDIO if not given
// call.onstate(state, why)  set it right after startCall; state: "asking" (for the microphone), "connecting", "talking", "ended".
//                           why, with "ended": "hung-up" (by the page), "remote" (by the other side), "microphone" (none, or not allowed),
//                           "refused" (the call is not to be had any more), "lost" (no connection, or none any more), "unsupported".
// call.hangUp()      ends it here and tells the server
// call.mute(muted)   the customer does not hear the agent; without an argument it toggles. call.muted
// call.sendKey(key)  a key of the telephone: 0-9 * # A-D. False when keys cannot be sent
// call.state, call.remote (MediaStream of the customer, once it is there)
//
// The page that closes ends the call without a word: the engine hears the connection close.

export const DEFAULT_AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
const LAWS = ["audio/pcma", "audio/pcmu"];
const CONNECT_MS = 15000;
// A connection that breaks may come back by itself; the engine waits about as long.
const BROKEN_MS = 8000;

export function startCall(transferId, { post, audio = DEFAULT_AUDIO }) {
  const call = new Call(`/api/v1/agent/transfers/${encodeURIComponent(transferId)}`, post);
  // A tick later, so that the caller can set onstate first.
  queueMicrotask(() => call.start(audio));
  return call;
}

class Call {
  #path; #post; #connection = null; #microphone = null; #sender = null; #player = new Audio(); #timer = null;
  state = "new"; muted = false; remote = null; onstate = null;

  constructor(path, post) { this.#path = path; this.#post = post; }

  async start(audio) {
    if (!navigator.mediaDevices?.getUserMedia || !globalThis.RTCPeerConnection) { return this.#end("unsupported"); }
    this.#become("asking");
    try {
      const microphone = await navigator.mediaDevices.getUserMedia({ audio });
      if (this.state === "ended") { return microphone.getTracks().forEach((track) => track.stop()); }
      this.#microphone = microphone;
    } catch { return this.#end("microphone"); }
    this.#become("connecting");
    this.#timer = setTimeout(() => this.#end("lost"), CONNECT_MS);
    let answer;
    try {
      const offer = await this.#offer();
      if (this.state === "ended") { return; }
      answer = await this.#post(`${this.#path}/take`, { sdp: offer });
    } catch { return this.#end("refused"); }
    if (this.state === "ended") { return; }
    try { await this.#connection.setRemoteDescription({ type: "answer", sdp: answer.sdp }); } catch { this.#end("lost"); }
  }

  // No candidates are waited for: the engine is ICE-lite and learns where we are from our checks.
  async #offer() {
    const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.#connection = connection;
    const [track] = this.#microphone.getAudioTracks();
    track.enabled = !this.muted;
    track.onended = () => this.#end("microphone");
    const transceiver = connection.addTransceiver(track, { direction: "sendrecv", streams: [this.#microphone] });
    this.#sender = transceiver.sender;
    this.#onlyTelephony(transceiver);
    connection.ontrack = ({ track, streams: [stream] }) => {
      this.remote = stream ?? new MediaStream([track]);
      this.#player.srcObject = this.remote;
      // Allowed, since the agent has just clicked; should a browser refuse, the controls of the page are the way.
      this.#player.play().catch(() => {});
    };
    connection.onconnectionstatechange = () => this.#connectionIs(connection.connectionState);
    await connection.setLocalDescription();
    const { transport } = this.#sender; // DTLS: closes when the engine says goodbye
    if (transport) { transport.onstatechange = () => { if (transport.state === "closed") { this.#end("remote"); } }; }
    return connection.localDescription.sdp;
  }

  #onlyTelephony(transceiver) {
    const codecs = RTCRtpReceiver.getCapabilities("audio").codecs;
    const law = (wanted) => codecs.filter((codec) => codec.mimeType.toLowerCase() === wanted);
    const keys = codecs.filter((codec) => codec.mimeType.toLowerCase() === "audio/telephone-event" && codec.clockRate === 8000);
    transceiver.setCodecPreferences([...LAWS.flatMap(law), ...keys]);
  }

  #connectionIs(state) {
    if (state === "connected") { clearTimeout(this.#timer); this.#become("talking"); }
    if (state === "disconnected") { clearTimeout(this.#timer); this.#timer = setTimeout(() => this.#end("lost"), BROKEN_MS); }
    if (state === "failed") { this.#end("lost"); }
    if (state === "closed") { this.#end("remote"); }
  }

  #become(state) {
    if (this.state === state || this.state === "ended") { return; }
    this.state = state;
    this.onstate?.(state);
  }

  #end(why) {
    if (this.state === "ended") { return; }
    this.state = "ended"; // before anything closes: what closes says so, and is heard
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#microphone?.getTracks().forEach((track) => track.stop());
    this.#player.srcObject = null;
    this.onstate?.("ended", why);
  }

  hangUp() {
    if (this.state === "ended") { return; }
    this.#end("hung-up");
    this.#post(`${this.#path}/hang-up`, {}).catch(() => {}); // the closed connection says the same
  }

  mute(muted = !this.muted) {
    this.muted = muted;
    this.#microphone?.getAudioTracks().forEach((track) => { track.enabled = !muted; });
  }

  sendKey(key) {
    const keys = this.#sender?.dtmf;
    if (!/^[0-9*#A-Da-d]$/.test(key) || !keys?.canInsertDTMF) { return false; }
    keys.insertDTMF(keys.toneBuffer + key, 100, 70);
    return true;
  }
}
