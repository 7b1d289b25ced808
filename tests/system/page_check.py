#!/usr/bin/env python3
"""A report's page: every element closed, no script, nothing loaded from elsewhere, each picture has a title."""
import sys
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.titles = [], {}, 0

    def handle_starttag(self, tag, attributes):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        for name, value in attributes:
            assert not name.startswith("on"), f"{tag} has {name}"
            assert name not in ("src", "href"), f"{tag} has {name}={value}"
        if tag == "title" and "svg" in self.open:
            self.titles += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert tag in ("rect",), tag

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()


page = Page()
page.feed(open(sys.argv[1], encoding="utf-8").read())
assert not page.open, page.open
assert "script" not in page.seen and "link" not in page.seen
assert page.seen["h1"] == 1 and page.seen["table"] >= 1
assert page.seen.get("svg", 0) >= 1 and page.titles >= page.seen["svg"]
