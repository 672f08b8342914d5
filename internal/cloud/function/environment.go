package function

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// environment is AWS as a function finds it: Lambda puts Region and credentials
// into the environment, and they stay what they are for as long as the process
// lives (Lambda Developer Guide, "Using environment variables"). Looking further,
// as the SDK's config package does, would link the clients of four more services.
//
// AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE> are honoured, for emulators.
type environment struct{ getenv func(string) string }

var errNoRegion = errors.New("environment: AWS_REGION is not set: Lambda sets it")
var errNoCredentials = errors.New("environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: Lambda sets them from the function's role")

// awsConfig is what clients are made from. It calls nothing.
func awsConfig() (aws.Config, error) {
	env := environment{os.Getenv}
	cfg := aws.Config{Region: env.getenv("AWS_REGION"), Credentials: env, ConfigSources: []any{env}}
	if url := env.getenv("AWS_ENDPOINT_URL"); url != "" {
		cfg.BaseEndpoint = aws.String(url)
	}
	if cfg.Region == "" {
		return cfg, errNoRegion
	}
	_, err := env.Retrieve(context.Background())
	return cfg, err
}

// Retrieve implements aws.CredentialsProvider.
func (e environment) Retrieve(context.Context) (aws.Credentials, error) {
	c := aws.Credentials{
		AccessKeyID: e.getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: e.getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: e.getenv("AWS_SESSION_TOKEN"), Source: "environment",
	}
	if !c.HasKeys() {
		return c, errNoCredentials
	}
	return c, nil
}

// GetServiceBaseEndpoint is what a client asks its configuration for.
func (e environment) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	url := e.getenv("AWS_ENDPOINT_URL_" + strings.ReplaceAll(strings.ToUpper(service), " ", "_"))
	return url, url != "", nil
}
