package sns

import (
	"bytes"
	"encoding/json"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/sondehq/sonde/internal/notify"
)

const (
	// maxPublish is what a message may have in bytes, with its attributes (SNS API
	// reference, Publish: Message).
	maxPublish = 262_144

	reserve    = 1024 // for what SNS may count besides
	leastEmail = 4000 // bytes of an e-mail that are worth more than the machine body
)

// machines are the protocols that get the machine body.
var machines = []string{"http", "https", "sqs", "lambda"}

// structured is the message with a text for each protocol. What has to give way
// for it to fit is, in this order: the default text, which no protocol that
// Sonde serves gets; the end of the e-mail; the machine body, whose place the
// default text takes. The SMS is never touched.
func structured(m notify.Message, room int) string {
	forms := map[string]string{"default": m.Email, "email": m.Email, "sms": m.SMS}
	for _, protocol := range machines {
		forms[protocol] = m.Machine
	}
	text := encode(forms)
	if len(text) <= room {
		return text
	}
	forms["default"], forms["email"] = m.Subject, ""
	left := room - len(encode(forms))
	if left < len(encode(cut(m.Email, leastEmail))) {
		for _, protocol := range machines {
			delete(forms, protocol)
		}
		left = room - len(encode(forms))
	}
	// The longest e-mail that fits. Quoted, a longer text is never shorter.
	most := min(len(m.Email), room)
	less := sort.Search(most, func(less int) bool { return len(encode(cut(m.Email, most-less))) <= left })
	forms["email"] = cut(m.Email, most-less)
	return encode(forms)
}

// encode writes strings, or a map of them, as JSON.
func encode(texts any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // it makes six bytes of one
	_ = encoder.Encode(texts)    // strings cannot fail
	return strings.TrimSpace(b.String())
}

const cutMark = "\n[cut]\n"

// cut shortens a text to so many bytes, at a character, and says so.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := max(most-len(cutMark), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cutMark[:min(most, len(cutMark))]
}
