"""The tiles of the others."""

import pytest

TILES = """
async () => {
  const { People } = await import('/call/people.js');
  const tile = `<div class="person" hidden><video autoplay playsinline></video>
    <div class="person-off" hidden><span class="avatar"></span><bdi data-name></bdi></div>
    <p><bdi data-name></bdi><span class="person-muted" hidden></span></p></div>`;
  document.body.innerHTML = `<div class="people">${tile}<template>${tile}</template></div>`;
  const place = document.querySelector('.people');
  window.silenced = 0;
  window.people = new People(place, () => { silenced += 1; });
  window.somebody = (id, more = {}) => ({ id, name: `Pat ${id}`, state: 'connected', tracks: {},
    media: { mic: true, cam: true, screen: false }, ...more });
  window.tiles = () => [...place.querySelectorAll('.person')].map((one) => ({
    hidden: one.hidden, name: one.querySelector('[data-name]').textContent,
    off: !one.querySelector('.person-off').hidden, muted: !one.querySelector('.person-muted').hidden,
    playing: (one.querySelector('video').srcObject?.getTracks() ?? []).map(({ kind }) => kind).sort(),
  }));
}
"""


@pytest.fixture
def page(static_page):
    static_page.evaluate(TILES)
    return static_page


def test_initials(page):
    wanted = {
        "Dr. A. Example": "AE",
        "Pat Sample": "PS",
        "Maria del Carmen Ruiz": "MR",
        "Cher": "C",
        "عمر الشريف": "عا",
        "": "",
    }
    found = page.evaluate(
        "async (names) => names.map((await import('/call/people.js')).initials)", list(wanted)
    )
    assert dict(zip(wanted, found, strict=True)) == wanted


def test_the_first_has_the_tile_that_is_there_and_others_get_their_own(page):
    found = page.evaluate(
        """() => {
          const before = tiles();
          people.show(somebody('1'));
          people.show(somebody('2'));
          people.show(somebody('2'));
          const two = tiles();
          people.remove({ id: '1' });
          people.remove({ id: '9' });
          const one = tiles();
          people.show(somebody('3'));
          const again = tiles();
          people.clear();
          return [before, two, one, again, tiles()].map((list) =>
            list.filter(({ hidden }) => !hidden).map(({ name }) => name).concat(list.length));
        }"""
    )
    assert found == [[1], ["Pat 1", "Pat 2", 2], ["Pat 2", 2], ["Pat 3", "Pat 2", 2], [1]]


def test_a_picture_that_is_off_leaves_the_voice_alone(page):
    found = page.evaluate(
        """async () => {
          const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
          const [microphone, camera] = [...stream.getAudioTracks(), ...stream.getVideoTracks()];
          const tracks = { microphone, camera };
          const seen = [];
          for (const media of [null, { mic: true, cam: false }, { mic: false, cam: true }]) {
            people.show(somebody('1', { tracks, media }));
            seen.push(tiles()[0]);
          }
          return seen.map(({ playing, off, muted }) => [playing, off, muted]);
        }"""
    )
    assert found == [
        [["audio", "video"], False, False],
        [["audio"], True, False],
        [["audio", "video"], False, True],
    ]


def test_a_browser_that_plays_no_sound_still_shows_the_picture(page):
    found = page.evaluate(
        """async () => {
          const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
          const tracks = { microphone: stream.getAudioTracks()[0], camera: stream.getVideoTracks()[0] };
          let allowed = false;
          const play = HTMLMediaElement.prototype.play;
          HTMLMediaElement.prototype.play = async function () {
            if (!this.muted && !allowed) throw new DOMException('no', 'NotAllowedError');
            return play.call(this);
          };
          people.show(somebody('1', { tracks }));
          const video = document.querySelector('video');
          await until(() => !video.paused);
          const before = [silenced, video.muted];
          allowed = true;
          people.unmute();
          await until(() => !video.paused);
          return [...before, video.muted];
        }"""
    )
    assert found == [1, True, False]
