// Package subscriptions subscribes visitors to the topic of a public tier by
// Amazon SNS, which asks the address's owner first and writes each e-mail with a
// link to leave. One signed call needs no client of SNS.
package subscriptions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/sondehq/sonde/internal/api/subscribe"
	"github.com/sondehq/sonde/internal/cloud/signed"
	"github.com/sondehq/sonde/internal/monitor"
)

// Topics subscribes to the topics of tiers.
type Topics struct {
	caller *signed.Caller
	arns   map[monitor.TierID]string
}

var _ subscribe.Topic = (*Topics)(nil)

// New returns the topics by their ARNs; caller calls "sns".
func New(caller *signed.Caller, arns map[monitor.TierID]string) *Topics { return &Topics{caller, arns} }

// Subscribe implements subscribe.Topic. Its errors name no address.
//
// A subscription to some services has a filter policy over the messages'
// attribute "services". SNS documents attributes as sent only with plain
// messages (see notify/sns); where one shows none, it passes: rather a message
// too many than none of an outage.
func (t *Topics) Subscribe(ctx context.Context, tier monitor.TierID, email string, services []monitor.ServiceID) error {
	arn := t.arns[tier]
	if arn == "" {
		return fmt.Errorf("subscribe to tier %s: it has no topic (SONDE_TOPICS)", tier)
	}
	form := url.Values{
		"Action": {"Subscribe"}, "Version": {"2010-03-31"}, "TopicArn": {arn}, "Protocol": {"email"}, "Endpoint": {email},
	}
	if len(services) > 0 {
		policy, err := Policy(services)
		if err != nil {
			return err
		}
		form.Set("Attributes.entry.1.key", "FilterPolicy")
		form.Set("Attributes.entry.1.value", policy)
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	_, err := t.caller.Do(ctx, http.MethodPost, "/", header, []byte(form.Encode()))
	if refusal := (*signed.Refusal)(nil); errors.As(err, &refusal) && isThere(refusal) {
		return nil // subscribed to other services already: nobody is told
	}
	if err != nil {
		return fmt.Errorf("subscribe to tier %s: %w", tier, err)
	}
	return nil
}

// isThere reports whether SNS refused because the address is subscribed with
// another filter policy ("Subscription already exists with different
// attributes"), or because it will not send to such an address, which nobody is
// told either.
func isThere(r *signed.Refusal) bool {
	return r.Status == http.StatusBadRequest && strings.Contains(r.Text, "InvalidParameter") &&
		(strings.Contains(r.Text, "already exists") || strings.Contains(r.Text, "Invalid parameter: Email"))
}

// Policy is the filter policy of a subscription to some services.
func Policy(services []monitor.ServiceID) (string, error) {
	values := []any{map[string]bool{"exists": false}}
	for _, id := range services {
		values = append(values, string(id))
	}
	text, err := json.Marshal(map[string][]any{"services": values})
	if err != nil {
		return "", fmt.Errorf("encode filter policy: %w", err)
	}
	return string(text), nil
}
