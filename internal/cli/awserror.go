package cli

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
)

// advice is what to do about error codes of AWS. A code may say the same in two
// ways: DynamoDB answers AccessDeniedException, SNS AuthorizationError, others
// AccessDenied (the services' API references, common errors).
var advice = []struct {
	codes []string
	do    string
}{
	{[]string{"ResourceNotFoundException"}, "is it the right name, and the right Region?"},
	{[]string{"ExpiredToken", "ExpiredTokenException"}, "the credentials have expired: log in again, such as with `aws sso login`"},
	{[]string{"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch"},
		"AWS does not take these credentials: see `aws sts get-caller-identity`, and the clock of this machine"},
	{[]string{"ThrottlingException", "ProvisionedThroughputExceededException"}, "AWS is slowing the account down: try again"},
}

var denials = []string{"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}

// awsError says what failed on AWS and what to do about it. Errors that are not
// of AWS get no hint.
func awsError(doing string, err error) error {
	return failed(fmt.Errorf("%s: %w", doing, err), hintOf(err))
}

func hintOf(err error) string {
	var api smithy.APIError
	var op *net.OpError
	var dns *net.DNSError
	text := err.Error()
	switch {
	case errors.As(err, &api):
		return hintOfCode(api, err)
	case strings.Contains(text, "SSO session has expired"), strings.Contains(text, "InvalidGrantException"):
		return "the credentials have expired: log in again, such as with `aws sso login`"
	case strings.Contains(text, "failed to refresh cached credentials"), strings.Contains(text, "get credentials"):
		return "no AWS credentials were found: see `aws configure`, or give --profile"
	case errors.As(err, &dns):
		return "is the Region right (--region, AWS_REGION), and the network up?"
	case errors.As(err, &op):
		return "nothing answers there: is the endpoint right (--endpoint-url, AWS_ENDPOINT_URL), and the network up?"
	}
	return ""
}

func hintOfCode(api smithy.APIError, err error) string {
	if isDenied(err) {
		return "these credentials need the permission " + action(err)
	}
	for _, a := range advice {
		if slices.Contains(a.codes, api.ErrorCode()) {
			return a.do
		}
	}
	return ""
}

func isDenied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(denials, api.ErrorCode())
}

// action is the IAM action that was denied, such as dynamodb:GetItem: as the
// message names it, or else the service's name in lower case and the operation
// (Service Authorization Reference). A transaction is no action of its own.
func action(err error) string {
	if _, after, named := strings.Cut(err.Error(), "not authorized to perform: "); named {
		name, _, _ := strings.Cut(after, " ")
		return name
	}
	var call *smithy.OperationError
	switch {
	case !errors.As(err, &call):
		return "for that"
	case call.OperationName == "TransactWriteItems":
		return "dynamodb:PutItem, dynamodb:DeleteItem and dynamodb:ConditionCheckItem"
	}
	return strings.ToLower(call.ServiceID) + ":" + call.OperationName
}

// settingsError says what is wrong with the AWS settings of this machine.
func settingsError(err error) error {
	hint := "see `aws configure list`"
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		hint = "`aws configure list-profiles` lists the profiles; give one with --profile, or in AWS_PROFILE"
	}
	return usage(fmt.Errorf("read AWS settings: %w", err), hint)
}
