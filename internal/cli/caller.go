package cli

import (
	"context"
	"os"
	"os/user"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// callerWait is how long STS may take to say who calls: nothing waits longer for
// a name.
const callerWait = 5 * time.Second

// caller is who does this, for the record: on AWS the caller's ARN, such as
// arn:aws:sts::123456789012:assumed-role/Admin/anna; on one machine (d is nil),
// or where STS does not answer, the user of the operating system. It may be
// empty, and never fails: what it is written beside matters more.
func caller(ctx context.Context, d *deployment) string {
	if d != nil {
		ctx, cancel := context.WithTimeout(ctx, callerWait)
		defer cancel()
		out, err := d.sts().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err == nil && aws.ToString(out.Arn) != "" {
			return aws.ToString(out.Arn)
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}
