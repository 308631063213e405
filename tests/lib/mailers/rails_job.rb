# Rails with jobs: FILE is what stands in config/environments, and ahead of it what stands in an initializer. A mail is delivered by its
# job at once; {"sent": "again in N s"} when the job is to be tried again then.
require_relative "action_mailer"
require "active_job"
require "action_mailer/mail_delivery_job"
require "active_support/core_ext/integer/time"

class Adapter
  def enqueue(job) = ActiveJob::Base.execute(job.serialize)

  def enqueue_at(_job, time) = $said = "again in #{(time - Time.now.to_f).round} s"
end

ActiveJob::Base.logger = nil
ActiveJob::Base.queue_adapter = Adapter.new
ActionMailer::Base.delivery_job = ActionMailer::MailDeliveryJob # as every new Rails has it
config = Struct.new(:action_mailer).new(ActionMailer::Base)
eval(File.read(ARGV[0]), binding, ARGV[0])
JSON.parse(STDIN.read).each do |mail|
  $said = ""
  Notify.test_email(mail["to"], mail["subject"], mail["from"]).deliver_later
  puts({ sent: $said }.to_json)
rescue StandardError => error
  puts({ error: "#{error.class}: #{error.message.strip}" }.to_json)
end
