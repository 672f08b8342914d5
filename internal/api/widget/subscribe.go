package widget

import "github.com/sondehq/sonde/internal/monitor"

// Note is what the page of subscriptions answers to a form.
type Note string

// The notes; none where the form was only asked for.
const (
	NoNote   Note = ""
	NoteDone Note = "doneText" // whoever is subscribed, and whether anything was sent
	NoteBad  Note = "bad"      // no address
	NoteMany Note = "many"     // too many from there
	NoteOff  Note = "off"      // there is nothing to subscribe to
	NoteFail Note = "later"    // it is our fault
)

// SubscribePage is the form of a subscription, and what became of it. Chosen is
// the service that is marked already; it may be empty.
func SubscribePage(v View, note Note, chosen monitor.ServiceID, lang string) ([]byte, error) {
	t, err := part[map[string]string](lang, "subscribe")
	if err != nil {
		return nil, err
	}
	class := "warn"
	if note == NoteDone {
		class = "ok"
	}
	return execute("subscribe.html", struct {
		View
		Lang, Note, NoteClass string
		T                     map[string]string
		Form, Done            bool
		Chosen                monitor.ServiceID
	}{v, lang, t[string(note)], class, t, note != NoteOff && note != NoteDone, note == NoteDone, chosen})
}

// SubscribePolicy lets the page send its form to its own origin, and nothing else.
func SubscribePolicy() (string, error) {
	_, source, err := Style()
	return "default-src 'none'; style-src " + source + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'", err
}
