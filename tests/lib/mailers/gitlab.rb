# GitLab: FILE is what stands in gitlab.rb, of which `gitlab-ctl reconfigure` makes smtp_settings.rb, setting by setting.
require_relative "action_mailer"

gitlab_rails = {}
eval(File.read(ARGV[0]), binding, ARGV[0])
raise "not enabled" unless gitlab_rails.delete("smtp_enable")

from, reply_to = gitlab_rails.delete("gitlab_email_from"), gitlab_rails.delete("gitlab_email_reply_to")
settings = gitlab_rails.to_h do |name, value|
  name = name.delete_prefix("smtp_")
  [name.to_sym, name == "authentication" ? value.to_sym : value]
end
ActionMailer::Base.smtp_settings = settings
ActionMailer::Base.default_options = { from: from, reply_to: reply_to }
send_all
