package feed

import (
	"encoding/xml"
	"time"
)

// AtomType and RSSType are the media types.
const (
	AtomType = "application/atom+xml; charset=utf-8"
	RSSType  = "application/rss+xml; charset=utf-8"
)

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomText struct {
	Type string `xml:"type,attr,omitempty"`
	Body string `xml:",chardata"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

type atomEntry struct {
	ID        string        `xml:"id"`
	Title     string        `xml:"title"`
	Published string        `xml:"published"`
	Updated   string        `xml:"updated"`
	Link      atomLink      `xml:"link"`
	Category  *atomCategory `xml:"category,omitempty"`
	Content   atomText      `xml:"content"`
}

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

// Atom writes the incidents as Atom, in the shape of Statuspage's feed.
func Atom(s Source) ([]byte, error) {
	entries := s.entries()
	id := "tag:" + s.host() + ",2005:/history"
	if s.Each {
		id += "/updates"
	}
	feed := atomFeed{
		Lang: "en", ID: id, Title: s.title(), Updated: s.changed(entries).Format(time.RFC3339), Author: text(s.Snapshot.Site.Name),
		Links: []atomLink{{"alternate", "text/html", s.Base + "/"}, {"self", "application/atom+xml", s.Self}},
	}
	for _, e := range entries {
		one := atomEntry{
			ID: e.id, Title: e.title, Published: e.at.Format(time.RFC3339), Updated: e.updated.Format(time.RFC3339),
			Link: atomLink{"alternate", "text/html", e.link}, Content: atomText{"html", e.content},
		}
		if e.kind != "" {
			one.Category = &atomCategory{e.kind}
		}
		feed.Entries = append(feed.Entries, one)
	}
	return document(feed)
}

func document(value any) ([]byte, error) {
	body, err := xml.Marshal(value)
	if err != nil {
		return nil, err
	}
	return append(append([]byte(xml.Header), body...), '\n'), nil
}
