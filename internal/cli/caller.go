package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"
)

// callerWait is how long STS may take to say who calls: nothing waits longer for
// a name.
const callerWait = 5 * time.Second

// caller is who does this, for the record: on AWS the caller's ARN, such as
// arn:aws:sts::123456789012:assumed-role/Admin/anna; on one machine (d is nil),
// or where STS does not answer, the user of the operating system. It may be
// empty, and never fails: what it is written beside matters more.
func caller(ctx context.Context, d *deployment) string {
	by, _ := identity(ctx, d)
	return by
}

// identity is caller, and why it is not what AWS says.
func identity(ctx context.Context, d *deployment) (string, error) {
	if d == nil {
		return localUser(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, callerWait)
	defer cancel()
	out, err := d.sts().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return localUser(), err
	}
	if aws.ToString(out.Arn) == "" {
		return localUser(), errors.New("the answer names nobody")
	}
	return aws.ToString(out.Arn), nil
}

// localUser is the user of the operating system; of root, the person who became
// root with sudo, which sets SUDO_USER (sudo(8)).
func localUser() string {
	u, err := user.Current()
	if person := os.Getenv("SUDO_USER"); person != "" && os.Geteuid() == 0 {
		return person
	}
	if err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

// who is who does this, asked for once a command; it says so where AWS does not know.
func (f *storeFlags) who(cmd *cobra.Command) string {
	var d *deployment
	var err error
	if f.aws.isGiven() && !f.local {
		d, err = f.aws.open(cmd.Context())
	}
	by := ""
	if err == nil {
		by, err = identity(cmd.Context(), d)
	} else {
		by = localUser()
	}
	if err != nil {
		hint := hintOf(err)
		if hint != "" {
			hint = ": " + hint
		}
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "sonde: hint: AWS does not say who you are, and the record names %s, the user of this machine%s\n", legible(by), hint)
	}
	return by
}
