/** One WHEP session: a receive-only WebRTC peer, its signalling, and its proper end. */

import type { Api, Layer } from "./api.ts";
import { Unsupported } from "./problems.ts";

export class WhepSession {
  readonly stream: MediaStream;
  readonly #api: Api;
  readonly #camera: string;
  readonly #layer: Layer;
  readonly #peer: RTCPeerConnection;
  #location: URL | null = null;
  #hasEnded = false;

  /** Raises Unsupported where the browser has no WebRTC or no H.264. */
  constructor(api: Api, camera: string, layer: Layer, onConnection: (state: RTCPeerConnectionState) => void) {
    this.#api = api;
    this.#camera = camera;
    this.#layer = layer;
    const codecs = h264Codecs();
    // No ICE servers: the relay has one known address and finds this peer by its first packet.
    this.#peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    const transceiver = this.#peer.addTransceiver("video", { direction: "recvonly" });
    transceiver.setCodecPreferences(codecs);
    this.stream = new MediaStream([transceiver.receiver.track]);
    this.#peer.addEventListener("connectionstatechange", () => {
      if (!this.#hasEnded) onConnection(this.#peer.connectionState);
    });
  }

  /** Offers and takes the answer. The offer goes out at once, with whatever candidates it has by then: none. */
  async start(): Promise<void> {
    await this.#peer.setLocalDescription();
    const offer = this.#peer.localDescription;
    if (offer === null || this.#hasEnded) return;
    const answer = await this.#api.offer(this.#camera, this.#layer, offer.sdp);
    this.#location = answer.location;
    if (this.#hasEnded) {
      this.#release();
      return;
    }
    await this.#peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  /** Ends the session here and at the gateway, once, also while the offer is still on its way. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#peer.close();
    this.#release();
  }

  #release(): void {
    if (this.#location === null) return;
    this.#api.endSession(this.#location);
    this.#location = null;
  }
}

/** The browser's H.264 receivers, those of the relay's packetisation first, and what repairs loss. */
function h264Codecs(): RTCRtpCodec[] {
  const all = globalThis.RTCRtpReceiver?.getCapabilities?.("video")?.codecs ?? [];
  const h264 = all.filter((codec) => codec.mimeType.toLowerCase() === "video/h264");
  if (h264.length === 0) throw new Unsupported("This browser cannot play H.264 video over WebRTC. Use another one.");
  const rank = (codec: RTCRtpCodec): number =>
    (codec.sdpFmtpLine?.includes("packetization-mode=1") ? 0 : 2) +
    (codec.sdpFmtpLine?.includes("profile-level-id=42") ? 0 : 1);
  const repair = all.filter((codec) => codec.mimeType.toLowerCase() === "video/rtx");
  return [...h264.sort((a, b) => rank(a) - rank(b)), ...repair];
}
