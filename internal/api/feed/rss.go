package feed

import (
	"encoding/xml"
	"time"
)

type rssGUID struct {
	PermaLink bool   `xml:"isPermaLink,attr"`
	ID        string `xml:",chardata"`
}

type rssItem struct {
	Title       string  `xml:"title"`
	Link        string  `xml:"link"`
	GUID        rssGUID `xml:"guid"`
	PubDate     string  `xml:"pubDate"`
	Category    string  `xml:"category,omitempty"`
	Description string  `xml:"description"`
}

type rssFeed struct {
	XMLName xml.Name `xml:"rss"`
	Version string   `xml:"version,attr"`
	Atom    string   `xml:"xmlns:atom,attr"`
	Channel struct {
		Title       string    `xml:"title"`
		Link        string    `xml:"link"`
		Description string    `xml:"description"`
		Language    string    `xml:"language"`
		BuildDate   string    `xml:"lastBuildDate"`
		TTL         int       `xml:"ttl"`       // minutes
		Self        atomLink  `xml:"atom:link"` // with the prefix that simple readers look for
		Items       []rssItem `xml:"item"`
	} `xml:"channel"`
}

// date is a time as RFC 822 has it, with four digits of the year.
func date(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// RSS writes the incidents as RSS 2.0.
func RSS(s Source) ([]byte, error) {
	entries := s.entries()
	feed := rssFeed{Version: "2.0", Atom: "http://www.w3.org/2005/Atom"}
	c := &feed.Channel
	c.Title, c.Link, c.Language, c.TTL = s.title(), s.Base+"/", "en", 5
	c.Description = "What was wrong at " + text(s.Snapshot.Site.Name) + ", and what was done about it"
	c.BuildDate = date(s.changed(entries))
	c.Self = atomLink{"self", "application/rss+xml", s.Self}
	for _, e := range entries {
		c.Items = append(c.Items, rssItem{e.title, e.link, rssGUID{false, e.id}, date(e.at), e.kind, e.content})
	}
	return document(feed)
}
