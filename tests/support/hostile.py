"""What somebody hostile writes wherever there is room for text."""

from __future__ import annotations

RAN = "hostileTextRan"
"""What script in these texts would set on the window, if it ever ran."""

PRODUCT = "1327451"
"""What a template that evaluated one of these texts would show: 1151 times 1153, or so."""

_MARK = f"window.{RAN}=true"

SHOWN = {
    "script": f"<script>{_MARK}</script>",
    "closing": f"</textarea></title></option></select><script>{_MARK}</script>",
    "picture": f'"><img src=x onerror="{_MARK}">',
    "attribute": f"' autofocus tabindex=1 onfocus={_MARK} x='",
    "quoted attribute": f'" autofocus tabindex=1 onfocus="{_MARK}" x="',
    "address": f"javascript:{_MARK}",
    "drawing": f'<svg onload="{_MARK}"><a href="javascript:{_MARK}">press</a></svg>',
    "frame": f'<iframe srcdoc="<script>parent.{_MARK[7:]}</script>"></iframe><base href="//evil.example/">',
    "htmx": f'<b hx-get="/sign-out" hx-trigger="load" hx-on:click="{_MARK}">x</b>',
    "partial": '<hx-partial hx-target="#main"><h1>planted</h1></hx-partial>',
    "style": "<style>*{display:none!important}</style><link rel=stylesheet href=//evil.example/a.css>",
    "form": '</form><form action="//evil.example/" method="post"><button>planted</button></form>',
    "template": "{{ 1151*1153 + 348 }}{% include 'layout.html' %}${1151*1153+348}#{1151*1153+348}",
    "names": "%(name)s %s %d {0} {name} %n",
    "SQL": "'; DROP TABLE users; -- \" OR 1=1 /*",
    "cells": '=HYPERLINK("http://evil.example","x")',
    "path": "../../../../../../etc/passwd",
    "numbers": "-1e999999999",
    "reference": "&lt;script&gt;&#0;&#x202e;&amp",
}
"""Text that may be kept: it has to be shown as what it is."""

ODD = {
    "lines": "a\r\nSet-Cookie: planted=1\r\n\r\n<h1>planted</h1>",
    "other lines": "a\u2028b\u2029c\x0bd\x0ce\x85f",
    "controls": "\x1b[31mred\x07\x08\x7f",
    "direction": "\u202egpj.exe\u2066\u2067\u200f",
    "marks": "a" + "\u0301\u0323" * 60,
    "one word": "W" * 190,
    "wide": "\U0001f9d1\u200d\U0001f9bd" * 20,
    "nothing to see": "\u200b\u2060\ufeff\u3164",
    "no character": "\ufffe\uffff\U0010ffff",
    "digits": "٣١٤ ²⁵",
    "same letters": "ａdmin@ⅽlinic",
}
"""Text in which the characters are the trouble."""

NEVER = {
    "NUL": "a\x00b",
    "half a character": "a\ud800b",
}
"""Text that no database keeps."""

TEXTS = {**SHOWN, **ODD, **NEVER}
