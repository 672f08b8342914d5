package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
	"github.com/sondehq/sonde/internal/table"
)

type listener struct {
	Hash string `json:"hash"`
}

// Only a token's hash is kept: who can read the table cannot ping. The token
// is 26 letters and digits, 130 bits, so that a plain hash cannot be searched.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte("sonde heartbeat " + token))
	return hex.EncodeToString(sum[:16])
}

func heartbeatKey(hash string) table.Key { return table.Key{PK: "HEARTBEAT#" + hash, SK: "LAST"} }

func listenerKey(id monitor.ID) table.Key { return table.Key{PK: "HEARTBEATS", SK: string(id)} }

// HasToken reports whether a heartbeat monitor has a token.
func (s *Store) HasToken(ctx context.Context, id monitor.ID) (bool, error) {
	var l listener
	version, err := s.get(ctx, listenerKey(id), &l)
	return version > 0, err
}

// NewToken makes a token for a heartbeat monitor, in place of the one it had,
// and returns it: it cannot be read again.
func (s *Store) NewToken(ctx context.Context, id monitor.ID) (token string, err error) {
	token = strings.ToLower(rand.Text())
	var old listener
	version, err := s.get(ctx, listenerKey(id), &old)
	if err != nil {
		return "", err
	}
	var b ops
	b.add(put(listenerKey(id), "token", version, listener{hashToken(token)}))
	b.add(put(heartbeatKey(hashToken(token)), "heartbeat", 0, monitor.Ping{Monitor: id, Since: s.now()}))
	if version > 0 {
		b.add(table.Op{Verb: table.Delete, Row: table.Row{Key: heartbeatKey(old.Hash)}}, nil)
	}
	if b.err != nil {
		return "", b.err
	}
	if err := s.table.Write(ctx, b.all...); err != nil {
		return "", fmt.Errorf("put heartbeat token: %w", err)
	}
	return token, nil
}

// pingTries is how often a ping that meets another one is written anew.
const pingTries = 5

// RecordPing keeps what a token's job says, and reports whether there is such a
// token. Nobody learns that from how long it takes, either: a token is 130 random
// bits, and one that is found to be known is known already.
func (s *Store) RecordPing(ctx context.Context, token string, beat monitor.Beat) (known bool, err error) {
	if _, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(token)); err != nil || len(token) != 26 {
		token = "unknown" // hashed and looked up all the same
	}
	key := heartbeatKey(hashToken(token))
	for range pingTries {
		var ping monitor.Ping
		version, err := s.get(ctx, key, &ping)
		if err != nil || version == 0 {
			return false, err
		}
		op, err := put(key, "heartbeat", version, ping.Heard(beat, s.now()))
		if err != nil {
			return false, err
		}
		if err = s.table.Write(ctx, op); !errors.Is(err, table.ErrConflict) {
			return true, err
		}
	}
	return true, fmt.Errorf("put heartbeat: %w", table.ErrConflict)
}

// LastPing reads the last ping that a monitor had; zero if it has no token.
func (s *Store) LastPing(ctx context.Context, id monitor.ID) (monitor.Ping, error) {
	var l listener
	if version, err := s.get(ctx, listenerKey(id), &l); err != nil || version == 0 {
		return monitor.Ping{}, err
	}
	var ping monitor.Ping
	_, err := s.get(ctx, heartbeatKey(l.Hash), &ping)
	return ping, err
}
