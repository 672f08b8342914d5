package local

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/sondehq/sonde/internal/api/subscribe"
	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/notify"
)

var _ subscribe.Topic = (*mailbox)(nil)

// Subscribe implements subscribe.Topic: on one machine nothing is mailed, and
// what SNS would ask the address's owner stands in the inbox of the tier.
func (m *mailbox) Subscribe(ctx context.Context, tier monitor.TierID, email string, services []monitor.ServiceID) error {
	of := "all services"
	if len(services) > 0 {
		names := make([]string, len(services))
		for i, id := range services {
			names[i] = string(id)
		}
		of = strings.Join(names, ", ")
	}
	_, err := m.Publish(ctx, notify.Message{
		ID: "subscription-" + strings.ToLower(rand.Text()[:12]), Tier: tier, Subject: "PENDING: a subscription waits to be confirmed",
		Email: fmt.Sprintf("%s asks for messages of %s.\n\nOn AWS, SNS would now send this address a link to confirm; on one machine nothing is mailed, and the tier's messages stand in this inbox.\n", email, of),
	})
	if err != nil {
		return fmt.Errorf("record subscription: %w", err)
	}
	return nil
}
