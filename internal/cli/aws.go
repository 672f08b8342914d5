package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/store"
	"github.com/sondehq/sonde/internal/table/dynamo"
)

// awsFlags say which deployment a command works on. The usual AWS_* variables
// and files hold for what is not given.
type awsFlags struct{ table, stack, endpoint, region, profile string }

func (f *awsFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.table, "table", os.Getenv("SONDE_TABLE"), "the DynamoDB table (default: $SONDE_TABLE)")
	cmd.Flags().StringVar(&f.stack, "stack", "", "the CloudFormation stack whose table it is, instead of --table")
	cmd.Flags().StringVar(&f.endpoint, "endpoint-url", "", "where AWS answers, for emulators (or $AWS_ENDPOINT_URL)")
	cmd.Flags().StringVar(&f.region, "region", "", "AWS Region (default: $AWS_REGION, or the profile's)")
	cmd.Flags().StringVar(&f.profile, "profile", "", "AWS profile (default: $AWS_PROFILE)")
}

// isGiven reports whether a deployment on AWS is meant at all.
func (f *awsFlags) isGiven() bool { return f.table != "" || f.stack != "" }

// deployment is a deployed Sonde.
type deployment struct {
	aws     aws.Config
	table   string
	outputs map[string]string // of the stack; nil without --stack
	status  string            // of the stack
	store   *store.Store
}

var errNoTable = usage(errors.New("no table is given"), "give it with --table or in SONDE_TABLE, or name the stack with --stack")

// open finds the deployment. It reads nothing of the table.
func (f *awsFlags) open(ctx context.Context) (*deployment, error) {
	if !f.isGiven() {
		return nil, errNoTable
	}
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if f.region != "" {
		options = append(options, config.WithRegion(f.region))
	}
	if f.profile != "" {
		options = append(options, config.WithSharedConfigProfile(f.profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, usage(fmt.Errorf("read AWS settings: %w", err), "see `aws configure list`")
	}
	if cfg.Region == "" {
		return nil, usage(errors.New("no AWS Region is given"), "give it with --region, or in AWS_REGION")
	}
	if f.endpoint != "" {
		cfg.BaseEndpoint = &f.endpoint
	}
	d := &deployment{aws: cfg, table: f.table}
	if f.stack != "" {
		if err := d.readStack(ctx, f.stack); err != nil {
			return nil, err
		}
	}
	client := dynamodb.NewFromConfig(cfg)
	d.store = store.New(dynamo.New(client, d.table, now), now)
	return d, nil
}

// readStack finds the table in the stack's outputs.
func (d *deployment) readStack(ctx context.Context, name string) error {
	out, err := cloudformation.NewFromConfig(d.aws).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		var api smithy.APIError
		if errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "does not exist") {
			return usage(fmt.Errorf("there is no stack %s in %s", name, d.aws.Region), "see its name in samconfig.toml or `aws cloudformation list-stacks`, and its Region")
		}
		return awsError("describe stack "+name, err)
	}
	if len(out.Stacks) == 0 {
		return usage(fmt.Errorf("there is no stack %s in %s", name, d.aws.Region), "")
	}
	d.outputs, d.status = map[string]string{}, string(out.Stacks[0].StackStatus)
	for _, o := range out.Stacks[0].Outputs {
		d.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	if d.outputs["TableName"] == "" {
		return usage(fmt.Errorf("stack %s has no output TableName", name), "name the home stack of Sonde: it is the one of template.yaml")
	}
	d.table = d.outputs["TableName"]
	return nil
}

// author is who does this, for the table: the caller's ARN, or where AWS does not
// say, the user of this machine.
func author(ctx context.Context, d *deployment) string {
	if d != nil {
		out, err := sts.NewFromConfig(d.aws).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, func(o *sts.Options) { o.RetryMaxAttempts = 1 })
		if err == nil && aws.ToString(out.Arn) != "" {
			return aws.ToString(out.Arn)
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

// awsError says what failed on AWS and what to do about it.
func awsError(doing string, err error) error {
	var api smithy.APIError
	var op *net.OpError
	text := err.Error()
	hint := ""
	switch {
	case errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied"):
		hint = "these credentials may not do that: " + api.ErrorMessage()
	case errors.As(err, &api) && api.ErrorCode() == "ResourceNotFoundException":
		hint = "is it the right name, and the right Region?"
	case errors.As(err, &api) && (api.ErrorCode() == "ExpiredToken" || api.ErrorCode() == "ExpiredTokenException"):
		hint = "the credentials have expired: log in again, such as with `aws sso login`"
	case errors.As(err, &api) && (api.ErrorCode() == "UnrecognizedClientException" || api.ErrorCode() == "InvalidClientTokenId"):
		hint = "AWS does not know these credentials: see `aws sts get-caller-identity`"
	case strings.Contains(text, "get credentials") || strings.Contains(text, "failed to refresh cached credentials"):
		hint = "no AWS credentials were found: see `aws configure`, or give --profile"
	case errors.As(err, &op):
		hint = "nothing answers there: is the endpoint right (--endpoint-url, AWS_ENDPOINT_URL), and the network up?"
	}
	return failed(fmt.Errorf("%s: %w", doing, err), hint)
}
