package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sondehq/sonde/internal/cli"
	"github.com/sondehq/sonde/internal/probe/echotest"
)

// TestCheckHidesSecrets: what `sonde check` prints of a target that repeats
// its secrets holds none of them.
func TestCheckHidesSecrets(t *testing.T) {
	text, ids := echotest.File(t)
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		echotest.Variable: echotest.EnvSecret, "AWS_ENDPOINT_URL_SSM": echotest.SSM(t), "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	for _, id := range ids {
		for _, form := range [][]string{nil, {"--json"}} {
			var out, messages bytes.Buffer
			code := cli.Run(context.Background(), append([]string{"check", "-f", file, id}, form...), &out, &messages)
			if leak := echotest.Leak(out.String() + messages.String()); leak != "" {
				t.Errorf("%s %v shows %s:\n%s", id, form, leak, out.String())
			}
			if code != cli.ExitFound || !strings.Contains(out.String(), "down") {
				t.Errorf("%s %v: exit code %d, want that it is down:\n%s%s", id, form, code, out.String(), messages.String())
			}
		}
	}
}

// TestCheckWithoutCredentials: the check is not run, and says what is missing.
func TestCheckWithoutCredentials(t *testing.T) {
	text, ids := echotest.File(t)
	file := filepath.Join(t.TempDir(), "monitors.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		echotest.Variable: echotest.EnvSecret, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": file + ".none", "AWS_SHARED_CREDENTIALS_FILE": file + ".none", "AWS_PROFILE": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
	} {
		t.Setenv(name, value)
	}
	var out bytes.Buffer
	cli.Run(context.Background(), []string{"check", "-f", file, ids[0]}, &out, &out)
	if got := out.String(); !strings.Contains(got, "not_run") || !strings.Contains(got, "${ssm:"+echotest.Parameter+"} cannot be read from Parameter Store: there are no AWS credentials here") {
		t.Errorf("it says:\n%s", got)
	}
}
