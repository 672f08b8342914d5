// Package sns carries messages over Amazon SNS, a topic a tier.
//
// A message with an SMS is published with a form for each protocol
// (MessageStructure json); one without, such as an update or a reminder, as plain
// text. Both carry the attributes event, impact, service and tier. SNS documents
// attributes as delivered with plain text only, so a phone's subscription should
// have the filter policy
//
//	{"event": [{"exists": false}, "opened", "escalated", "resolved"]}
//
// which lets the structured messages through either way, and never an update.
package sns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

// API is what is used of the SNS client.
type API interface {
	Publish(ctx context.Context, in *sns.PublishInput, options ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// maxMessage leaves room for attributes in the 262,144 bytes that a message may
// have with them (SNS API reference, Publish).
const maxMessage = 250_000

// Publisher publishes to the topics of tiers.
type Publisher struct {
	client API
	topics map[monitor.TierID]string
}

var _ notify.Publisher = (*Publisher)(nil)

// New returns a publisher over the topic ARN of each tier.
func New(client API, topics map[monitor.TierID]string) *Publisher { return &Publisher{client, topics} }

// Publish implements notify.Publisher.
func (p *Publisher) Publish(ctx context.Context, m notify.Message) (string, error) {
	topic, ok := p.topics[m.Tier]
	if !ok {
		return "", fmt.Errorf("publish to tier %s: it has no topic (SONDE_TOPICS): %w", m.Tier, notify.ErrPermanent)
	}
	in := &sns.PublishInput{TopicArn: &topic, Subject: aws.String(m.Subject), MessageAttributes: attributes(m)}
	if err := fill(in, m); err != nil {
		return "", fmt.Errorf("publish to tier %s: %w: %w", m.Tier, notify.ErrPermanent, err)
	}
	out, err := p.client.Publish(ctx, in)
	if err != nil {
		return "", fmt.Errorf("publish to tier %s: %w", m.Tier, classify(err))
	}
	return aws.ToString(out.MessageId), nil
}

func attributes(m notify.Message) map[string]types.MessageAttributeValue {
	out := map[string]types.MessageAttributeValue{
		"AWS.SNS.SMS.SMSType": {DataType: aws.String("String"), StringValue: aws.String("Transactional")},
	}
	for name, value := range m.Attributes {
		if value != "" {
			out[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
		}
	}
	return out
}

// fill sets the message: as much of the e-mail as fits.
func fill(in *sns.PublishInput, m notify.Message) error {
	if m.SMS == "" {
		in.Message = aws.String(cut(m.Email, maxMessage))
		return nil
	}
	machine := m.Machine
	if len(machine) > maxMessage/5 { // it stands in the message four times
		machine = m.Subject
	}
	forms := map[string]string{"email": cut(m.Email, maxMessage/10), "sms": m.SMS}
	for _, protocol := range []string{"http", "https", "sqs", "lambda"} {
		forms[protocol] = machine
	}
	forms["default"] = forms["email"]
	text, err := json.Marshal(forms)
	if err != nil {
		return err
	}
	if len(text) > maxMessage {
		for _, protocol := range []string{"http", "https", "sqs", "lambda"} {
			forms[protocol] = m.Subject
		}
		if text, err = json.Marshal(forms); err != nil {
			return err
		}
	}
	in.Message, in.MessageStructure = aws.String(string(text)), aws.String("json")
	return nil
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-20], "") + "\n[cut]\n"
}

// lasting are errors that a retry does not mend (SNS API reference, Publish).
var lasting = map[string]bool{
	"NotFound": true, "NotFoundException": true, "InvalidParameter": true, "InvalidParameterException": true, "ParameterValueInvalid": true,
	"AuthorizationError": true, "AuthorizationErrorException": true, "InvalidSecurity": true, "EndpointDisabled": true,
}

func classify(err error) error {
	var e smithy.APIError
	if errors.As(err, &e) && lasting[e.ErrorCode()] {
		return fmt.Errorf("%w: %w", notify.ErrPermanent, err)
	}
	return err
}
