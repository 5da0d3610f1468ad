"""The floor: what a bare Flask application costs, and how soon one page sees its own call."""

from flask import Flask, Response

app = Flask(__name__, static_folder=None)

PAGE = """<!doctype html><html lang="en"><head><title>Two connections in one page</title></head>
<body><button>Go</button><video autoplay playsinline></video>
<script src="/floor.js" type="module"></script></body></html>"""

# What any call must do at least: camera, two connections, both directions, first frame shown.
SCRIPT = """
document.querySelector("button").addEventListener("click", async () => {
  const clicked = performance.now();
  const here = new RTCPeerConnection(), there = new RTCPeerConnection();
  here.onicecandidate = (event) => there.addIceCandidate(event.candidate);
  there.onicecandidate = (event) => here.addIceCandidate(event.candidate);
  const video = document.querySelector("video");
  here.ontrack = (event) => { video.srcObject = event.streams[0]; };
  video.requestVideoFrameCallback(() => { window.took = performance.now() - clicked; });
  const mine = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  for (const connection of [here, there]) {
    for (const track of mine.getTracks()) connection.addTrack(track, mine);
  }
  await here.setLocalDescription();
  await there.setRemoteDescription(here.localDescription);
  await there.setLocalDescription();
  await here.setRemoteDescription(there.localDescription);
});
"""


@app.get("/")
def hello() -> str:
    """As little as Flask can do."""
    return "Hello"


@app.get("/floor")
def floor() -> str:
    """A page with both ends of a call."""
    return PAGE


@app.get("/floor.js")
def script() -> Response:
    """What the page does at a click."""
    return Response(SCRIPT, content_type="text/javascript")
