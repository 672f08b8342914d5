package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
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
	cmd.MarkFlagsMutuallyExclusive("table", "stack") // $SONDE_TABLE gives way to --stack
}

// isGiven reports whether a deployment on AWS is meant at all.
func (f *awsFlags) isGiven() bool { return f.table != "" || f.stack != "" }

// deployment is a deployed Sonde.
type deployment struct {
	aws      aws.Config
	endpoint *string // of --endpoint-url; nil: not given
	table    string
	outputs  map[string]string // of the stack; nil without --stack
	status   string            // of the stack
	store    *store.Store
}

// The clients. --endpoint-url is set on each: on aws.Config it would give way to
// AWS_ENDPOINT_URL_DYNAMODB and its like (resolveBaseEndpoint in the SDK's
// clients).

func (d *deployment) dynamodb() *dynamodb.Client {
	return dynamodb.NewFromConfig(d.aws, func(o *dynamodb.Options) { o.BaseEndpoint = first(d.endpoint, o.BaseEndpoint) })
}

func (d *deployment) cloudformation() *cloudformation.Client {
	return cloudformation.NewFromConfig(d.aws, func(o *cloudformation.Options) { o.BaseEndpoint = first(d.endpoint, o.BaseEndpoint) })
}

func (d *deployment) sns() *sns.Client {
	return sns.NewFromConfig(d.aws, func(o *sns.Options) { o.BaseEndpoint = first(d.endpoint, o.BaseEndpoint) })
}

func (d *deployment) sqs() *sqs.Client {
	return sqs.NewFromConfig(d.aws, func(o *sqs.Options) { o.BaseEndpoint = first(d.endpoint, o.BaseEndpoint) })
}

func (d *deployment) sts() *sts.Client {
	return sts.NewFromConfig(d.aws, func(o *sts.Options) {
		o.BaseEndpoint = first(d.endpoint, o.BaseEndpoint)
		o.RetryMaxAttempts = 1
	})
}

func first(given, otherwise *string) *string {
	if given != nil {
		return given
	}
	return otherwise
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
		return nil, settingsError(err)
	}
	if cfg.Region == "" {
		return nil, usage(errors.New("no AWS Region is given"), "give it with --region, or in AWS_REGION")
	}
	d := &deployment{aws: cfg, table: f.table}
	if f.endpoint != "" {
		d.endpoint = &f.endpoint
	}
	if f.stack != "" {
		if err := d.readStack(ctx, f.stack); err != nil {
			return nil, err
		}
	}
	d.store = store.New(dynamo.New(d.dynamodb(), d.table, now), now)
	return d, nil
}

// readStack finds the table in the stack's outputs.
func (d *deployment) readStack(ctx context.Context, name string) error {
	out, err := d.cloudformation().DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		var api smithy.APIError
		if errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "does not exist") {
			return usage(fmt.Errorf("there is no stack %s in %s", name, d.aws.Region), "see its name in samconfig.toml or `aws cloudformation list-stacks`, and its Region")
		}
		if isDenied(err) {
			return failed(fmt.Errorf("describe stack %s: %w", name, err), hintOf(err)+"; or name the table with --table")
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
