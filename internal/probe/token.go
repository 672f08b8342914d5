package probe

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/monitor"
)

// tokens keeps OAuth2 tokens until shortly before they end. The zero value is
// ready; it may be used from several goroutines.
type tokens struct {
	mu   sync.Mutex
	kept map[[32]byte]token
}

type token struct {
	text string
	ends time.Time
}

const (
	maxTokens   = 5000
	maxGrant    = 64 << 10 // bytes of a token endpoint's answer
	maxToken    = 32 << 10 // bytes of a token: it is sent in a header
	tokenMargin = time.Minute
)

// tokenKey is of one monitor and of all that its token was asked for with.
func tokenKey(id monitor.ID, a *monitor.OAuth2) [32]byte {
	text, _ := json.Marshal([]any{id, a})
	return sha256.Sum256(text)
}

func (t *tokens) get(key [32]byte, now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if kept, has := t.kept[key]; has && now.Before(kept.ends) {
		return kept.text
	}
	return ""
}

// put keeps a token for its life less a margin: a tenth of it, a minute at most.
func (t *tokens) put(key [32]byte, text string, life time.Duration, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil || len(t.kept) >= maxTokens {
		t.kept = map[[32]byte]token{}
	}
	t.kept[key] = token{text, now.Add(life - min(life/10, tokenMargin))}
}

// forget drops a token that was not accepted.
func (t *tokens) forget(key [32]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.kept, key)
}

// token returns the token of a request with OAuth2, and how long fetching it
// took; a token that cannot be had is a failure of the target. No request but
// one with OAuth2 has a token.
func (v *visit) token(ctx context.Context, r monitor.Request) (text string, took time.Duration, failure *monitor.Failure) {
	if r.Auth == nil || r.Auth.OAuth2 == nil {
		return "", 0, nil
	}
	a, key := r.Auth.OAuth2, tokenKey(v.m.ID, r.Auth.OAuth2)
	if text = v.env.tokens.get(key, v.env.Now()); text == "" {
		start := time.Now()
		var life time.Duration
		text, life, failure = v.fetchToken(ctx, a)
		took = time.Since(start)
		if failure != nil {
			return "", took, fail(failure.Kind, "token: %s", failure.Detail)
		}
		v.env.tokens.put(key, text, life, v.env.Now())
	}
	v.secrets = append(v.secrets, text)
	return text, took, nil
}

// fetchToken asks for a token with client credentials (RFC 6749, 4.4 and 2.3.1).
// Redirects are not followed: the secret is for this endpoint.
func (v *visit) fetchToken(ctx context.Context, a *monitor.OAuth2) (text string, life time.Duration, failure *monitor.Failure) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(a.Scopes) > 0 {
		form.Set("scope", strings.Join(a.Scopes, " "))
	}
	trace := &hops{}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, fail(monitor.FailHTTP, "token_url is not a URL that can be asked")
	}
	request.Header.Set("User-Agent", UserAgent)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(a.ClientID), url.QueryEscape(a.ClientSecret))
	c := http.Client{Transport: v.wire.under(trace), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := c.Do(request)
	if err != nil {
		return "", 0, requestFailure(err, trace)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxGrant))
	if err != nil {
		return "", 0, classify(err, fmt.Sprintf("body after %d bytes", len(body)), monitor.FailBody)
	}
	return readToken(response.StatusCode, body)
}

// readToken reads the answer of a token endpoint (RFC 6749, 5.1 and 5.2). A
// token without expires_in has no life: it is fetched anew each time.
func readToken(status int, body []byte) (text string, life time.Duration, failure *monitor.Failure) {
	var answer struct {
		Token   string      `json:"access_token"`
		Type    string      `json:"token_type"`
		Expires json.Number `json:"expires_in"`
		Error   string      `json:"error"`
	}
	err := json.Unmarshal(body, &answer)
	switch {
	case status != http.StatusOK && answer.Error != "":
		return "", 0, fail(monitor.FailHTTP, "the endpoint answers %d: %s", status, answer.Error)
	case status != http.StatusOK:
		return "", 0, fail(monitor.FailHTTP, "the endpoint answers %d", status)
	case err != nil || answer.Token == "":
		return "", 0, fail(monitor.FailBody, "the endpoint's answer holds no access_token")
	case len(answer.Token) > maxToken:
		return "", 0, fail(monitor.FailBody, "the endpoint's token is longer than %d bytes", maxToken)
	case answer.Type != "" && !strings.EqualFold(answer.Type, "bearer"):
		return "", 0, fail(monitor.FailBody, "the endpoint's token is of the type %q, not bearer", answer.Type)
	case strings.ContainsFunc(answer.Token, func(c rune) bool { return c <= ' ' || c > '~' }):
		return "", 0, fail(monitor.FailBody, "the endpoint's token holds characters that cannot be sent")
	}
	seconds, _ := answer.Expires.Float64()
	return answer.Token, time.Duration(min(max(seconds, 0), 24*3600) * float64(time.Second)), nil
}
