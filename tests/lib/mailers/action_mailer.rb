# Action Mailer, as Rails and GitLab have it: sends the mails on standard input with the settings that were made.
require "action_mailer"
require "json"

ActionMailer::Base.logger = nil

class Notify < ActionMailer::Base
  def test_email(to, subject, from)
    fields = { to: to, subject: subject, body: "Hello.", content_type: "text/plain" }
    mail(from.empty? ? fields : fields.merge(from: from))
  end
end

def send_all
  JSON.parse(STDIN.read).each do |mail|
    Notify.test_email(mail["to"], mail["subject"], mail["from"]).deliver_now
    puts({ sent: "" }.to_json)
  rescue StandardError => error
    puts({ error: "#{error.class}: #{error.message.strip}" }.to_json)
  end
end
