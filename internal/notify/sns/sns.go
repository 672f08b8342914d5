// Package sns carries messages over Amazon SNS, a topic a tier.
//
// A message with an SMS, one that opens, escalates or resolves, or that says that a
// certificate ends within days, is published with MessageStructure json: a text for
// each protocol, so that mail readers get the e-mail, phones the SMS, and HTTPS, SQS
// and Lambda the machine body. One without, an update or a reminder, is published as
// plain text to all protocols.
// Both carry the attributes event, impact, service, services and tier. A phone's
// subscription needs the filter policy
//
//	{"event": [{"exists": false}, "opened", "escalated", "resolved"]}
//
// SNS documents attributes as sent only with plain String messages, not with
// MessageStructure json (Developer Guide, "Amazon SNS message attributes"); some
// deliver both. This policy is right either way: a structured message comes
// through because its event rings or because it shows no event, and a plain one,
// which always shows its event, never does.
//
// A program that opens and closes alarms, such as a pager, belongs to a tier with
// machine: true, whose messages are all machine bodies, an incident each: there,
// and only there, an end closes what its beginning opened. Other tiers send digests
// of several incidents, whose alarm nothing closes, and updates as text.
//
// A tier for a chat gets the message for Amazon Q Developer, and nothing else.
//
// A Publisher may be used from several goroutines. It keeps no state, tries no
// error again beyond what the client does, and never fails for the length of a
// text. It leaves out topics and subscriptions: the template makes them.
package sns

import (
	"context"
	"errors"
	"fmt"
	"strconv"

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
	GetTopicAttributes(ctx context.Context, in *sns.GetTopicAttributesInput, options ...func(*sns.Options)) (*sns.GetTopicAttributesOutput, error)
}

// Publisher publishes to the topics of tiers.
type Publisher struct {
	client API
	topics map[monitor.TierID]string
}

var (
	_ notify.Publisher = (*Publisher)(nil)
	_ notify.Counter   = (*Publisher)(nil)
)

// New returns a publisher over the topic ARN of each tier.
func New(client API, topics map[monitor.TierID]string) *Publisher { return &Publisher{client, topics} }

// Publish implements notify.Publisher: it returns SNS's MessageId. The error
// wraps notify.ErrPermanent for a tier without a topic, a topic that does not
// exist or may not be published to, and a message that SNS refuses; throttling,
// faults of SNS and of the network may be tried again.
func (p *Publisher) Publish(ctx context.Context, m notify.Message) (string, error) {
	topic := p.topics[m.Tier]
	if topic == "" {
		return "", fmt.Errorf("publish to tier %s: it has no topic (SONDE_TOPICS): %w", m.Tier, notify.ErrPermanent)
	}
	in := &sns.PublishInput{TopicArn: &topic, Subject: aws.String(m.Subject), MessageAttributes: attributes(m)}
	room := maxPublish - reserve - len(m.Subject)
	for name, value := range in.MessageAttributes {
		room -= len(name) + len(*value.DataType) + len(*value.StringValue)
	}
	switch {
	case m.Chat != "":
		in.Message, in.Subject = aws.String(m.Chat), nil
	case m.Program:
		in.Message = aws.String(m.Machine)
	case m.SMS == "":
		in.Message = aws.String(cut(m.Email, room))
	default:
		in.Message, in.MessageStructure = aws.String(structured(m, room)), aws.String("json")
	}
	out, err := p.client.Publish(ctx, in)
	if err != nil {
		return "", fmt.Errorf("publish to tier %s: %w", m.Tier, classify(err))
	}
	return aws.ToString(out.MessageId), nil
}

// Subscribed implements notify.Counter by the topic's attribute SubscriptionsConfirmed
// (SNS API reference, GetTopicAttributes).
func (p *Publisher) Subscribed(ctx context.Context, tier monitor.TierID) (int, error) {
	topic := p.topics[tier]
	out, err := p.client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &topic})
	if err != nil {
		return 0, fmt.Errorf("count the subscriptions of tier %s: %w", tier, err)
	}
	n, err := strconv.Atoi(out.Attributes["SubscriptionsConfirmed"])
	if err != nil {
		return 0, fmt.Errorf("count the subscriptions of tier %s: SubscriptionsConfirmed: %w", tier, err)
	}
	return n, nil
}

// attributes are the message's own, without those that are empty, which SNS
// refuses; and for phones the type of the SMS.
func attributes(m notify.Message) map[string]types.MessageAttributeValue {
	out := map[string]types.MessageAttributeValue{}
	set := func(name, value string) {
		if value != "" {
			kind := "String"
			if name == "services" {
				kind = "String.Array" // a filter policy matches any of its members
			}
			out[name] = types.MessageAttributeValue{DataType: aws.String(kind), StringValue: aws.String(value)}
		}
	}
	for name, value := range m.Attributes {
		set(name, value)
	}
	if m.SMS != "" {
		set("AWS.SNS.SMS.SMSType", "Transactional") // highest reliability (Developer Guide, "Publishing SMS messages to a topic")
	}
	return out
}

// lasting are the codes of errors that a retry does not mend (SNS API
// reference, Publish, and common errors). All others may pass.
var lasting = map[string]bool{
	"NotFound": true, "InvalidParameter": true, "ParameterValueInvalid": true, "ValidationError": true, "ValidationException": true,
	"AuthorizationError": true, "AccessDenied": true, "InvalidSecurity": true, "EndpointDisabled": true, "PlatformApplicationDisabled": true,
	"KMSAccessDenied": true, "KMSDisabled": true, "KMSInvalidState": true, "KMSNotFound": true, "KMSOptInRequired": true,
}

func classify(err error) error {
	var answer smithy.APIError
	if errors.As(err, &answer) && lasting[answer.ErrorCode()] {
		return fmt.Errorf("%w: %w", notify.ErrPermanent, err)
	}
	return err
}
