package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sondehq/sonde/internal/config"
	"github.com/sondehq/sonde/internal/cost"
	"github.com/sondehq/sonde/internal/monitor"
)

type costFlags struct {
	file string
	json bool
	opts cost.Options
}

func costCommand() *cobra.Command {
	var flags costFlags
	cmd := &cobra.Command{
		Use:   "cost",
		Short: "What a monitors.yaml costs on AWS in a month",
		Long: `Prints the monthly AWS bill of a monitors.yaml, line by line, before and after
the always-free part, beside CloudWatch Synthetics and Route 53 for the same
checks. Usage is modelled from figures measured on the whole system; prices are
those of us-east-1, with their date. No AWS account is needed.`,
		Example: `  sonde cost -f monitors.yaml
  sonde cost -f monitors.yaml --regions 3 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCost(cmd, flags) },
	}
	cmd.Flags().StringVarP(&flags.file, "file", "f", "monitors.yaml", "what to monitor")
	cmd.Flags().IntVar(&flags.opts.Regions, "regions", 0, "check from so many Regions (default: those of the file)")
	cmd.Flags().Float64Var(&flags.opts.Wait, "wait", 300, "milliseconds until the slowest target of a batch has answered")
	cmd.Flags().Float64Var(&flags.opts.Views, "views", 10_000, "views of the status page a month")
	cmd.Flags().Float64Var(&flags.opts.Incidents, "incidents", 4, "incidents a month")
	cmd.Flags().Float64Var(&flags.opts.Readers, "readers", 10, "e-mail subscribers of each tier")
	cmd.Flags().BoolVar(&flags.json, "json", false, "for programs")
	return cmd
}

// priced is the Region whose prices are known, and the location of a file that
// names none.
const priced monitor.Location = "us-east-1"

// maxRegions is how many Regions AWS has, and some to come.
const maxRegions = 50

func runCost(cmd *cobra.Command, flags costFlags) error {
	if flags.opts.Regions < 0 || flags.opts.Regions > maxRegions {
		return usage(fmt.Errorf("--regions is %d", flags.opts.Regions), fmt.Sprintf("give a number from 1 to %d", maxRegions))
	}
	for name, value := range map[string]float64{"wait": flags.opts.Wait, "views": flags.opts.Views, "incidents": flags.opts.Incidents, "readers": flags.opts.Readers} {
		if value < 0 || math.IsNaN(value) || math.IsInf(value, 0) {
			return usage(errors.New("--"+name+" is no number of things"), "give 0 or more")
		}
	}
	cfg, err := config.Read(flags.file, config.Options{Home: priced})
	if err != nil {
		explain(cmd.ErrOrStderr(), flags.file, err)
		return &exitError{code: ExitUsage}
	}
	bill := cost.Monthly(cfg, cost.Measured, flags.opts)
	if flags.json {
		out := json.NewEncoder(cmd.OutOrStdout())
		out.SetIndent("", "  ")
		return out.Encode(bill)
	}
	printBill(cmd.OutOrStdout(), bill)
	return nil
}

func printBill(w io.Writer, b cost.Bill) {
	_, _ = fmt.Fprintf(w, "%s from %s: %s checks a month\n\n", plural(b.Monitors, "monitor"), plural(b.Locations, "location"), grouped(b.Checks))
	_, _ = fmt.Fprintf(w, "%-22s %19s  %-9s %11s %11s\n", "US dollars a month", "", "", "before free", "to pay")
	for _, l := range b.Lines {
		_, _ = fmt.Fprintf(w, "%-22s %19s  %-9s %11s %11s\n", l.What, grouped(l.Quantity), l.Unit, dollars(l.Gross), dollars(l.Net))
	}
	_, _ = fmt.Fprintf(w, "%-22s %19s  %-9s %11s %11s\n", "Total", "", "", dollars(b.Gross), dollars(b.Net))
	_, _ = fmt.Fprintf(w, "\nThe same checks elsewhere\n")
	for _, l := range b.Others {
		_, _ = fmt.Fprintf(w, "%-22s %19s  %-9s %11s %11s\n", l.What, grouped(l.Quantity), l.Unit, dollars(l.Gross), dollars(l.Net))
	}
	_, _ = fmt.Fprintf(w, "\nPrices of us-east-1, %s. SMS cost what the carrier asks. Sources: --json\n", b.AsOf)
}

func dollars(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

// grouped writes a quantity with commas; a small one with two decimals.
func grouped(v float64) string {
	if v < 10 && v != math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	digits := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
