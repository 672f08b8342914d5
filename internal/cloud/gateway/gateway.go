// Package gateway serves an http.Handler behind an API Gateway HTTP API, in
// payload format 2.0. The API must be on its $default stage, so that paths
// carry no stage name.
//
// Header names arrive in lower case with several values joined by commas, the
// query arrives raw, and a body may be base64 (API Gateway Developer Guide,
// "AWS Lambda proxy integrations for HTTP APIs"). Answers that are not text are
// sent in base64.
package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Handler is what lambda.Start takes.
type Handler func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Wrap turns an http.Handler into a Lambda handler.
func Wrap(h http.Handler) Handler {
	return func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		request, err := request(ctx, event)
		if err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		w := &writer{header: http.Header{}}
		h.ServeHTTP(w, request)
		if request.Method == http.MethodHead {
			w.body.Reset() // as net/http does
		}
		return w.response(), nil
	}
}

func request(ctx context.Context, event events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	if event.RequestContext.HTTP.Method == "" {
		return nil, errors.New("decode request: not an HTTP API event of payload format 2.0: no method")
	}
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return nil, fmt.Errorf("decode request body: %w", err)
		}
		body = decoded
	}
	target := event.RawPath
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	if event.RawQueryString != "" {
		target += "?" + event.RawQueryString
	}
	r, err := http.NewRequestWithContext(ctx, event.RequestContext.HTTP.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("decode request: %w", err)
	}
	for name, value := range event.Headers {
		r.Header.Set(name, value)
	}
	for _, cookie := range event.Cookies {
		r.Header.Add("Cookie", cookie)
	}
	r.Host = r.Header.Get("Host")
	r.RequestURI = target
	r.RemoteAddr = event.RequestContext.HTTP.SourceIP + ":0"
	return r, nil
}

// writer collects an answer.
type writer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *writer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *writer) response() events.APIGatewayV2HTTPResponse {
	w.WriteHeader(http.StatusOK)
	if w.header.Get("Content-Type") == "" && w.body.Len() > 0 {
		w.header.Set("Content-Type", http.DetectContentType(w.body.Bytes()))
	}
	out := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: map[string]string{}}
	for name, values := range w.header {
		if name == "Set-Cookie" {
			out.Cookies = values
			continue
		}
		out.Headers[name] = strings.Join(values, ", ")
	}
	if w.header.Get("Content-Encoding") == "" && utf8.Valid(w.body.Bytes()) {
		out.Body = w.body.String()
		return out
	}
	out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	return out
}
