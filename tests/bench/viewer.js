// Run in the page that the gateway serves: a bare WHEP viewer that measures what an operator would see.
// The page's own player is left out of the way so that its overlays cost nothing; the path is the same.
(() => {
  const GUARD = 0b11010010, CELLS = 32;

  function stampOf(video, canvas, context) {
    // The stamp's row lies at the top left (see deploy/local/camera/stamp.py): read its middle line alone.
    const width = video.videoWidth, height = video.videoHeight;
    const y = Math.round((0.0185 + 0.0296 * 0.5) * height), across = Math.ceil(0.43 * width);
    context.drawImage(video, 0, y, across, 1, 0, 0, across, 1);
    const line = context.getImageData(0, 0, across, 1).data;
    const level = (cell) => line[4 * Math.round((0.0125 + 0.0125 * (cell + 0.5)) * width) + 1];
    let value = 0n;
    for (let cell = 0; cell < CELLS; cell++) value = (value << 1n) | (level(cell) > 128 ? 1n : 0n);
    if (Number(value >> 24n) !== GUARD) return null;
    const number = Number((value >> 8n) & 0xffffn);
    return crc8(number) === Number(value & 0xffn) ? number : null;
  }

  function crc8(number) {
    let crc = 0xff;
    for (const byte of [number >> 8, number & 0xff]) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
    }
    return crc;
  }

  // Opens a session; resolves with a handle once the first frame of the camera (not a slate) is presented.
  window.benchOpen = async (camera, layer) => {
    const begun = performance.now();
    const video = document.createElement('video');
    video.muted = true; video.autoplay = true; video.playsInline = true;
    video.style.cssText = 'position:fixed;left:0;top:0;width:640px;z-index:9999';
    document.body.append(video);
    const canvas = document.createElement('canvas');
    canvas.width = 2048; canvas.height = 1;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const connection = new RTCPeerConnection();
    const transceiver = connection.addTransceiver('video', { direction: 'recvonly' });
    connection.ontrack = (event) => { video.srcObject = new MediaStream([event.track]); };
    const frames = [];
    const marks = {}; // milestones, for whoever looks for the time that was lost
    const mark = (name) => { marks[name] ??= Math.round(performance.now() - begun); };
    connection.onconnectionstatechange = () => mark(connection.connectionState);
    connection.oniceconnectionstatechange = () => mark('ice-' + connection.iceConnectionState);
    let firstShown, firstUnread = null;
    const first = new Promise((resolve) => { firstShown = resolve; });
    const onFrame = (now, data) => {
      const at = performance.timeOrigin + performance.now();
      const number = stampOf(video, canvas, context);
      // Chromium presents one black frame of its own before the first of the stream.
      if (number === null) firstUnread ??= performance.now() - begun;
      else {
        // expectedDisplayTime is when the compositor means to show it; the callback may run earlier or later.
        const shown = performance.timeOrigin + Math.max(data.expectedDisplayTime, performance.now());
        frames.push([number, shown, at]);
        firstShown(performance.now() - begun);
      }
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    await connection.setLocalDescription(await connection.createOffer());
    mark('offered');
    const answer = await fetch(`/whep/${camera}?layer=${layer}`, {
      method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: connection.localDescription.sdp,
    });
    if (answer.status !== 201) throw new Error(`WHEP answered ${answer.status}: ${await answer.text()}`);
    const sdp = await answer.text();
    mark('answered');
    await connection.setRemoteDescription({ type: 'answer', sdp });
    const firstPicture = await Promise.race([
      first, new Promise((_, reject) => setTimeout(() => reject(new Error('no picture within 20 s')), 20000)),
    ]);
    window.benchSession = { video, connection, location: answer.headers.get('Location'), frames };
    return { firstPicture, firstUnread, marks };
  };

  window.benchFrames = () => window.benchSession.frames.splice(0);

  window.benchStats = async () => {
    const found = {};
    (await window.benchSession.connection.getStats()).forEach((report) => {
      if (report.type === 'inbound-rtp') Object.assign(found, {
        framesDecoded: report.framesDecoded, framesDropped: report.framesDropped, packetsLost: report.packetsLost,
        jitterBufferMs: 1000 * report.jitterBufferDelay / report.jitterBufferEmittedCount,
        decodeMs: 1000 * report.totalDecodeTime / report.framesDecoded,
      });
    });
    return found;
  };

  window.benchClose = async () => {
    const session = window.benchSession;
    await fetch(session.location, { method: 'DELETE' });
    session.connection.close();
    session.video.remove();
  };
})();
