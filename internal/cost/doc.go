// Package cost says what a configuration costs on AWS in a month: a price list
// with sources and dates, and a model of usage whose figures were measured on
// the whole system (make emulators), which a test there compares.
//
// Not in the bill: what an incident costs beyond its messages, SMS (their price
// is the carrier's), subscribers over HTTPS, X-Ray, and taxes. The always-free part
// is that of an account that uses it for nothing else; the free tier of the first
// twelve months is left out.
package cost
