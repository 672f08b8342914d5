// Package notify is the port to whoever carries messages to people, and the
// texts of these messages: e-mail, SMS, and the JSON body for machines.
// notify/sns carries them over Amazon SNS; the local inbox shows them as SNS
// would carry them.
//
// Texts are made from an incident.Notification and nothing else, so that the
// same notification always gives the same text.
package notify

import (
	"context"
	"errors"

	"github.com/sondehq/sonde/internal/monitor"
)

// Message is one message to one tier, in every form its subscribers may want.
type Message struct {
	ID       string         `json:"id"` // of the notification; the same when it is sent again
	Tier     monitor.TierID `json:"tier"`
	Incident string         `json:"incident,omitempty"` // empty for a digest of several

	// Notifications are the ids of all that the message tells.
	Notifications []string `json:"notifications,omitempty"`

	Subject string `json:"subject"`       // printable ASCII, at most MaxSubject characters
	Email   string `json:"email"`         // plain text, 72 columns
	SMS     string `json:"sms,omitempty"` // GSM-7, one part; empty: not told by SMS
	Machine string `json:"machine"`       // JSON in the shape of a CloudWatch alarm, for HTTPS, SQS and Lambda

	// Chat is for Amazon Q Developer in chat applications, instead of all others;
	// empty where the tier is no chat.
	Chat string `json:"chat,omitempty"`

	// Program: the tier is for programs, which get Machine whatever has happened.
	Program bool `json:"program,omitempty"`

	// Attributes serve subscription filter policies: event, impact, service.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// MaxSubject is the longest subject. SNS: under 100 characters, ASCII, no line
// break (API reference, Publish).
const MaxSubject = 99

// MaxSMS is one part in GSM-7.
const MaxSMS = 160

// Publisher carries a message. It returns the carrier's id of the message. An
// error that wraps ErrPermanent will not pass by itself (a topic that does not
// exist); any other may be tried again later. A message may arrive although an
// error was returned.
type Publisher interface {
	Publish(ctx context.Context, m Message) (id string, err error)
}

// Counter is a Publisher that knows how many hear what it publishes to a tier.
type Counter interface {
	// Subscribed is how many have subscribed to a tier, and confirmed it.
	Subscribed(ctx context.Context, tier monitor.TierID) (int, error)
}

// ErrPermanent marks errors that a retry does not mend.
var ErrPermanent = errors.New("will not pass by itself")
