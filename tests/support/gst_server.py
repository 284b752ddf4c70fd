"""One camera on GStreamer's RTSP server, a stack that nobody here wrote. Run by Debian's own /usr/bin/python3.

Usage: gst_server.py NAME FOLDER [--auth none|basic|digest] [--user U] [--password P] [--transport both|tcp|udp]
FOLDER holds MPEG-TS pieces of a second each, 0000.ts and so on, which are looped without transcoding.
Prints `ready PORT`; then takes lines on its standard input, `kick`, `remove`, `restore`, and answers each with `ok`.
It ends when its standard input does.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - the versions must be chosen first

_ROLE = "reader"

# The second source keeps the media live: a pipeline that is not live is flushed and sought by every PLAY, since
# FFmpeg asks for a range. Pieces of a second: one large file would hold the first picture back by its own length.
_LAUNCH = (
    "( multifilesrc location={folder}/%04d.ts loop=true ! tsparse set-timestamps=true ! tsdemux ! h264parse"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1"
    " videotestsrc is-live=true ! video/x-raw,width=16,height=16,framerate=1/1 ! fakesink )"
)

_TRANSPORTS = {
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "both": GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP,
}


class Camera:
    """A server with one mount that can be taken away and put back."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._path = "/" + arguments.name
        self._server = GstRtspServer.RTSPServer.new()
        self._server.set_address("127.0.0.1")
        self._server.set_service("0")
        if arguments.auth != "none":
            self._server.set_auth(self._auth())
        self.restore()

    def listen(self) -> int:
        """Open a free port and return it."""
        if self._server.attach(None) == 0:
            sys.exit("gst_server: cannot listen")
        return int(self._server.get_bound_port())

    def kick(self) -> None:
        """Cut all readers off."""
        self._server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)

    def remove(self) -> None:
        """Answer 404 from now on; readers who are there are cut off."""
        self._server.get_mount_points().remove_factory(self._path)
        self.kick()

    def restore(self) -> None:
        self._server.get_mount_points().add_factory(self._path, self._factory())

    def _factory(self) -> GstRtspServer.RTSPMediaFactory:
        factory = GstRtspServer.RTSPMediaFactory.new()
        factory.set_launch(_LAUNCH.format(folder=self._arguments.folder))
        factory.set_protocols(_TRANSPORTS[self._arguments.transport])
        factory.set_suspend_mode(GstRtspServer.RTSPSuspendMode.NONE)
        # Each reader has a pipeline of his own: a shared one is wedged once two readers have left it (1.22).
        factory.set_shared(False)
        if self._arguments.auth != "none":
            permissions = GstRtspServer.RTSPPermissions.new()
            permissions.add_role(_ROLE)
            permissions.add_permission_for_role(_ROLE, "media.factory.access", True)
            permissions.add_permission_for_role(_ROLE, "media.factory.construct", True)
            factory.set_permissions(permissions)
        return factory

    def _auth(self) -> GstRtspServer.RTSPAuth:
        auth = GstRtspServer.RTSPAuth.new()
        token = GstRtspServer.RTSPToken.new()
        token.set_string("media.factory.role", _ROLE)
        user, password = self._arguments.user, self._arguments.password
        if self._arguments.auth == "basic":
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        else:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(user, password, token)
        return auth


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("folder")
    parser.add_argument("--auth", choices=("none", "basic", "digest"), default="none")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--transport", choices=tuple(_TRANSPORTS), default="both")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    Gst.init(None)
    camera, loop = Camera(arguments), GLib.MainLoop()
    acts = {"kick": camera.kick, "remove": camera.remove, "restore": camera.restore}

    def carry_out(*_: object) -> bool:
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        act = acts.get(line.strip())
        if act is not None:
            act()
        print("unknown" if act is None else "ok", flush=True)
        return True

    GLib.io_add_watch(sys.stdin.fileno(), GLib.IOCondition.IN | GLib.IOCondition.HUP, carry_out)
    print("ready", camera.listen(), flush=True)
    loop.run()


if __name__ == "__main__":
    main()
