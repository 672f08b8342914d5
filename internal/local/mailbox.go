package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/sondehq/sonde/internal/notify"
	"github.com/sondehq/sonde/internal/notify/inbox"
)

// mailbox is the carrier of one machine: a message has arrived when it stands
// in the file, which is written through to the disk before Publish returns. The
// inbox shows what is in the file, of earlier runs too.
type mailbox struct {
	mu    sync.Mutex
	file  *os.File
	inbox *inbox.Inbox
}

// Mail is one line of the inbox file.
type Mail struct {
	At      time.Time      `json:"at"`
	Message notify.Message `json:"message"`
}

// openMailbox opens the file and shows what is in it. A line that a crash has
// cut off was never acknowledged: it is taken away, and its message comes again.
func openMailbox(path string, show *inbox.Inbox) (*mailbox, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	m := &mailbox{file: file, inbox: show}
	if err := m.load(); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("read inbox %s: %w", path, err)
	}
	return m, nil
}

func (m *mailbox) load() error {
	reader := bufio.NewReader(m.file)
	var whole int64
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if err := m.file.Truncate(whole); err != nil {
				return err
			}
			_, err := m.file.Seek(whole, io.SeekStart)
			return err
		}
		if err != nil {
			return err
		}
		whole += int64(len(line))
		var mail Mail
		if json.Unmarshal(line, &mail) == nil {
			m.inbox.Add(mail.At, mail.Message)
		}
	}
}

// Publish implements notify.Publisher.
func (m *mailbox) Publish(_ context.Context, message notify.Message) (string, error) {
	mail := Mail{At: now(), Message: message}
	line, err := json.Marshal(mail)
	if err != nil {
		return "", fmt.Errorf("encode message: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.file.Write(append(line, '\n')); err != nil {
		return "", fmt.Errorf("write inbox: %w", err)
	}
	if err := m.file.Sync(); err != nil {
		return "", fmt.Errorf("write inbox: %w", err)
	}
	m.inbox.Add(mail.At, message)
	return inbox.Carrier + message.ID, nil
}

func (m *mailbox) close() error { return m.file.Close() }
